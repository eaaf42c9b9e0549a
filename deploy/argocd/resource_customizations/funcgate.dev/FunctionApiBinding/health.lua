-- Argo CD says "Progressing: Pending deletion" itself before it asks this script; the first answer is for others.
local annotations = obj.metadata.annotations or {}
local conditions = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    conditions[condition.type] = condition
  end
end
local ready = conditions["Ready"]
local stalled = conditions["Stalled"] ~= nil and conditions["Stalled"].status == "True"

local function health(status, message)
  return { status = status, message = message }
end

local function reason()
  return ready.reason .. ": " .. ready.message
end

if obj.metadata.deletionTimestamp ~= nil then
  if ready ~= nil and ready.reason == "DeleteBlocked" then
    return health("Progressing", reason())
  end
  return health("Progressing", "Being deleted")
end

if annotations["funcgate.dev/paused"] == "true" then
  return health("Suspended", "Paused by the annotation funcgate.dev/paused")
end

if ready == nil or ready.reason == "Paused" then
  return health("Progressing", "Waiting for funcgate to look at it")
end

-- What is said about an older spec is no news about this one.
local generation = obj.metadata.generation
if obj.status.observedGeneration ~= generation or ready.observedGeneration ~= generation then
  return health("Progressing", "Waiting for funcgate to act on the latest change")
end

if stalled then
  return health("Degraded", reason())
end

if ready.status == "True" then
  return health("Healthy", ready.message)
end

-- Something differs and is only reported, as asked for: it stays so until somebody lets funcgate write.
if ready.reason == "ChangesPending" then
  return health("Suspended", reason())
end

-- Waiting, throttled, and all else that passes by itself.
return health("Progressing", reason())
