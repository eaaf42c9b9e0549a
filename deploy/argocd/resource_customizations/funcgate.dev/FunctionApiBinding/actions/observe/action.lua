local annotations = obj.metadata.annotations or {}
annotations["funcgate.dev/reconcile-policy"] = "observe"
obj.metadata.annotations = annotations
return obj
