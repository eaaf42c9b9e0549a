"""API Management's data plane: from matching a call to the backend's answer."""
