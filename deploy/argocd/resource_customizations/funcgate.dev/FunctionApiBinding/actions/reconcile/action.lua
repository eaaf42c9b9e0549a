local os = require("os")

local annotations = obj.metadata.annotations or {}
annotations["funcgate.dev/reconcile-requested-at"] = os.date("!%Y-%m-%dT%XZ")
obj.metadata.annotations = annotations
return obj
