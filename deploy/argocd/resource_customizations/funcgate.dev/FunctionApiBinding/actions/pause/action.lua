local annotations = obj.metadata.annotations or {}
annotations["funcgate.dev/paused"] = "true"
obj.metadata.annotations = annotations
return obj
