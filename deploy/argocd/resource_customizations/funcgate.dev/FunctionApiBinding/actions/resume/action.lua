local annotations = obj.metadata.annotations or {}
annotations["funcgate.dev/paused"] = nil

-- Argo CD takes an empty table for one that it must not change.
if next(annotations) == nil then
  annotations = nil
end
obj.metadata.annotations = annotations
return obj
