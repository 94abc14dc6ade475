-- The module behind every template: `module("templates.X", thingworx.template.extend)` (script resource notes, 7.1).
-- Its functions are the methods of the thing, `me:getProperty(...)` and so on.

require "core"
require "json"
require "stringx"
require "tablex"
require "utils"
require "types.datashape"
require "thingworx.server"

local environment = require "edgebind.environment"
local properties = require "edgebind.properties"
local registration = require "edgebind.registration"
local handling = require "edgebind.handling"
local lazy = require "edgebind.lazy"
local metatable, pairs = setmetatable, pairs

module "thingworx.template"

environment.fill(_M)

-- Values of a thing that does not say otherwise, in milliseconds (4.1).
keepAliveRate, requestTimeout, registerRate = 60000, 15000, 43200000

--- Option of `module`: makes the caller's module the thing's template, whatever it calls itself.
function extend(module)
  environment.template = module
  return environment.extend(module, _M)
end

--- Makes `object` a thing of this template: what it has not itself, the template's module has.
function new(self, object)
  return metatable(object or {}, { __index = self })
end

--- Runs the thing until it is told to stop.
function start(me) return require "edgebind.thing".run(me) end

function getProperty(me, name, headers, query) return properties.get(me, name, headers, query) end
function setProperty(me, name, headers, query, data) return properties.set(me, name, headers, query, data) end
function getProperties(me) return properties.all(me) end

--- Sets every property that `data` names; returns the first code that is not 200, with its text.
function setProperties(me, headers, query, data)
  for name, value in pairs(data or {}) do
    local code, text = properties.set(me, name, headers, query, { value = value })
    if code ~= 200 then return code, text end
  end
  return 200
end

function getServices(me) return lazy "edgebind.services".list(me) end
function registerEdgeThing(me) return registration.register(me) end
function deregisterEdgeThing(me) return registration.deregister(me) end
function addLifecycleListener(me, event, label, listener) return handling.listen(me, event, label, listener) end
function openHandler(me, name) return handling.open(me, name) end
