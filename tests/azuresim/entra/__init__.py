"""Entra: the tenant's directory, tokens, and the endpoints that hand them out."""
