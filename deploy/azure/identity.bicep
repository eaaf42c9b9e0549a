// A managed identity that trusts the operator's service account.

param clusterName string
param namespace string
param tokenAudience string

resource cluster 'Microsoft.ContainerService/managedClusters@2024-09-01' existing = {
  name: clusterName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'funcgate'
  location: resourceGroup().location
}

resource credential 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = {
  parent: identity
  name: 'cluster'
  properties: {
    issuer: cluster.properties.oidcIssuerProfile.issuerURL
    subject: 'system:serviceaccount:${namespace}:funcgate'
    audiences: [
      tokenAudience
    ]
  }
}

output clientId string = identity.properties.clientId
output principalId string = identity.properties.principalId
