"""funcgate keeps Azure API Management, Function Apps and Entra reconciled with `FunctionApiBinding` objects."""

__version__ = "0.1.0"
