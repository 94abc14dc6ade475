-- The module behind every property handler: `module("handlers.X", thingworx.handler.extend)` (script resource notes, 7.4).

require "thingworx.template"

local environment = require "edgebind.environment"

module "thingworx.handler"

-- The names of templates, once in a state; a handler sees a few more than in the original.
environment.behind(_M)

--- Option of `module`: makes the caller's module a handler.
function extend(module) return environment.extend(module, _M) end
