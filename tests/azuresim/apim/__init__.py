"""API Management's management plane: the service and everything below it."""
