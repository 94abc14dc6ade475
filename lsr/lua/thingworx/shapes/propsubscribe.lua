-- What the platform wants pushed (script resource notes, 5.2).

module("shapes.propsubscribe", thingworx.shape.extend)

local subscriptions = require "edgebind.subscriptions"

properties.upToDate = { baseType = "BOOLEAN", pushType = "NEVER", private = true, value = true }

definedServiceDefinitions.GetPropertySubscriptions =
  { inputs = {}, output = { name = "result", baseType = "INFOTABLE" }, private = true }
definedServiceDefinitions.NotifyPropertyUpdate =
  { inputs = {}, output = { name = "result", baseType = "NOTHING" }, private = true }

--- Asks the platform now; the answer is the platform's.
services.GetPropertySubscriptions = function(me)
  return subscriptions.ask(me)
end

--- The platform's word that subscriptions have changed: they are asked for with the next task.
services.NotifyPropertyUpdate = function(me)
  subscriptions.outdated(me)
  return 200
end

tasks.UpdatePropertyMap = function(me)
  subscriptions.refresh(me)
end
