// The operator's identity in Azure: a managed identity that trusts the service account in the cluster, and the role of
// azure-role.json on the resource groups that bindings may name. Its permissions in the directory are granted by commands.

targetScope = 'subscription'

@description('The AKS cluster, with OIDC issuer and workload identity switched on.')
param clusterName string

@description('The resource group of the cluster; the identity is made there.')
param clusterGroup string

@description('Resource groups with services, function apps and user-assigned identities that bindings may name.')
param bindingGroups string[]

@description('Where the operator runs.')
param namespace string = 'funcgate-system'

@description('api://AzureADTokenExchangeUSGov in Azure Government, api://AzureADTokenExchangeChina in Azure China.')
param tokenAudience string = 'api://AzureADTokenExchange'

var role = loadJsonContent('../azure-role.json')

resource definition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, role.Name)
  properties: {
    roleName: role.Name
    description: role.Description
    type: 'CustomRole'
    permissions: [
      {
        actions: role.Actions
        notActions: role.NotActions
        dataActions: role.DataActions
        notDataActions: role.NotDataActions
      }
    ]
    assignableScopes: [
      subscription().id
    ]
  }
}

module identity 'identity.bicep' = {
  name: 'funcgate-identity'
  scope: resourceGroup(clusterGroup)
  params: {
    clusterName: clusterName
    namespace: namespace
    tokenAudience: tokenAudience
  }
}

module assignments 'assignment.bicep' = [
  for group in bindingGroups: {
    name: 'funcgate-${uniqueString(group)}'
    scope: resourceGroup(group)
    params: {
      principalId: identity.outputs.principalId
      roleDefinitionId: definition.id
    }
  }
]

@description('For the service account.')
output clientId string = identity.outputs.clientId

@description('For rights beyond these.')
output principalId string = identity.outputs.principalId

@description('For FUNCGATE_AZURE_SCOPES.')
output azureScopes string = join(map(bindingGroups, group => '${subscription().id}/resourceGroups/${group}'), ',')
