-- The module behind every shape: `module("shapes.X", thingworx.shape.extend)` (script resource notes, 7.3).
-- What a shape has of properties, services and tasks becomes the thing's, unless the template has it too.

require "thingworx.template"

local environment = require "edgebind.environment"

module "thingworx.shape"

-- The names of templates, once in a state; a shape sees a few more than in the original.
environment.behind(_M)

--- Called when the thing starts and stops; a shape replaces them.
function start() end
function stop() end

--- Option of `module`: makes the caller's module a shape.
function extend(module) return environment.extend(module, _M) end
