local annotations = obj.metadata.annotations or {}
local paused = annotations["funcgate.dev/paused"] == "true"
local policy = annotations["funcgate.dev/reconcile-policy"] or "manage"

-- While it is being deleted, or to be detached then, the policy decides what is left in Azure: not for a button.
local fixed = obj.metadata.deletionTimestamp ~= nil or policy == "detach-on-delete"

local actions = {}
actions["reconcile"] = { ["disabled"] = paused, ["displayName"] = "Look now", ["iconClass"] = "fa fa-fw fa-sync" }
actions["pause"] = { ["disabled"] = paused, ["displayName"] = "Pause", ["iconClass"] = "fa fa-fw fa-pause-circle" }
actions["resume"] = { ["disabled"] = not paused, ["displayName"] = "Resume", ["iconClass"] = "fa fa-fw fa-play-circle" }
actions["observe"] = {
  ["disabled"] = fixed or policy ~= "manage",
  ["displayName"] = "Only observe",
  ["iconClass"] = "fa fa-fw fa-eye"
}
actions["manage"] = {
  ["disabled"] = fixed or policy == "manage",
  ["displayName"] = "Let it write again",
  ["iconClass"] = "fa fa-fw fa-wrench"
}
return actions
