-- The service that describes the thing to the platform (script resource notes, 5.1).

module("shapes.metadata", thingworx.shape.extend)

local lazy = require "edgebind.lazy"

-- The answer is the description itself, without an infotable around it: what an INFOTABLE result allows.
definedServiceDefinitions.GetMetadata = { inputs = {}, output = { name = "result", baseType = "INFOTABLE" }, private = true }

services.GetMetadata = function(me)
  return 200, lazy "edgebind.metadata".describe(me)
end
