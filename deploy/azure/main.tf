# The operator's identity in Azure: a managed identity that trusts the service account in the cluster, the role of
# azure-role.json on the resource groups that bindings may name, and its permissions in the directory.

terraform {
  required_version = ">= 1.5"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.0"
    }
    azuread = {
      source  = "hashicorp/azuread"
      version = "~> 3.0"
    }
  }
}

variable "subscription_id" {
  description = "The subscription of the cluster and of the resource groups."
  type        = string
}

variable "cluster" {
  description = "The AKS cluster, with OIDC issuer and workload identity switched on. The identity is made in its group."
  type = object({
    name           = string
    resource_group = string
  })
}

variable "binding_groups" {
  description = "Resource groups with services, function apps and user-assigned identities that bindings may name."
  type        = set(string)
}

variable "namespace" {
  description = "Where the operator runs."
  type        = string
  default     = "funcgate-system"
}

variable "token_audience" {
  description = "api://AzureADTokenExchangeUSGov in Azure Government, api://AzureADTokenExchangeChina in Azure China."
  type        = string
  default     = "api://AzureADTokenExchange"
}

variable "graph_permissions" {
  description = "Permissions in Microsoft Graph; empty leaves the directory alone. Granting them needs an administrator."
  type        = set(string)
  default     = ["Application.ReadWrite.OwnedBy", "Application.Read.All"]
}

provider "azurerm" {
  subscription_id = var.subscription_id
  features {}
}

provider "azuread" {}

locals {
  role         = jsondecode(file("${path.module}/../azure-role.json"))
  subscription = "/subscriptions/${var.subscription_id}"
}

data "azurerm_kubernetes_cluster" "this" {
  name                = var.cluster.name
  resource_group_name = var.cluster.resource_group
}

resource "azurerm_user_assigned_identity" "funcgate" {
  name                = "funcgate"
  resource_group_name = var.cluster.resource_group
  location            = data.azurerm_kubernetes_cluster.this.location
}

resource "azurerm_federated_identity_credential" "cluster" {
  name                      = "cluster"
  user_assigned_identity_id = azurerm_user_assigned_identity.funcgate.id
  issuer                    = data.azurerm_kubernetes_cluster.this.oidc_issuer_url
  subject                   = "system:serviceaccount:${var.namespace}:funcgate"
  audience                  = [var.token_audience]
}

resource "azurerm_role_definition" "funcgate" {
  name              = local.role.Name
  description       = local.role.Description
  scope             = local.subscription
  assignable_scopes = [local.subscription]

  permissions {
    actions          = local.role.Actions
    not_actions      = local.role.NotActions
    data_actions     = local.role.DataActions
    not_data_actions = local.role.NotDataActions
  }
}

resource "azurerm_role_assignment" "funcgate" {
  for_each = var.binding_groups

  scope              = "${local.subscription}/resourceGroups/${each.value}"
  role_definition_id = azurerm_role_definition.funcgate.role_definition_resource_id
  principal_id       = azurerm_user_assigned_identity.funcgate.principal_id
  principal_type     = "ServicePrincipal"
}

data "azuread_service_principal" "graph" {
  client_id = "00000003-0000-0000-c000-000000000000" # Microsoft Graph, in every tenant
}

resource "azuread_app_role_assignment" "graph" {
  for_each = var.graph_permissions

  app_role_id         = data.azuread_service_principal.graph.app_role_ids[each.value]
  principal_object_id = azurerm_user_assigned_identity.funcgate.principal_id
  resource_object_id  = data.azuread_service_principal.graph.object_id
}

output "client_id" {
  description = "For the service account."
  value       = azurerm_user_assigned_identity.funcgate.client_id
}

output "principal_id" {
  description = "For rights beyond these."
  value       = azurerm_user_assigned_identity.funcgate.principal_id
}

output "azure_scopes" {
  description = "For FUNCGATE_AZURE_SCOPES."
  value       = join(",", [for group in var.binding_groups : "${local.subscription}/resourceGroups/${group}"])
}
