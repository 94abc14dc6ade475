-- A thing: loads the template that its configuration names and runs it (script resource notes, 4.2).

-- Before anything keeps the functions: a level that is not written costs nothing.
local LEVELS = { FORCE = 1, AUDIT = 2, ERROR = 3, WARN = 4, INFO = 5, DEBUG = 6, TRACE = 7 }
local level = LEVELS[string.upper(tostring(p_data.log_level or "INFO"))] or LEVELS.INFO
if level < LEVELS.DEBUG then log.debug = function() end end
if level < LEVELS.TRACE then log.trace = function() end end

require "thingworx.template"
require "thingworx.shape"
require "thingworx.handler"
require "thingworx.shapes.metadata"
require "thingworx.shapes.propsubscribe"

local environment = require "edgebind.environment"
local handling = require "edgebind.handling"
local properties = require "edgebind.properties"
local runtime = require "edgebind.thing"

runtime.settings()
thingworx.template.keepAliveRate = p_data.keepAliveRate
thingworx.template.requestTimeout = p_data.requestTimeout
thingworx.template.registerRate = p_data.registerRate

assert(type(p_data.template) == "string", "The setting 'template' is missing.")
local template = require("templates." .. p_data.template)
if type(template) ~= "table" then template = environment.template end
assert(type(template) == "table", "The template " .. p_data.template .. " is no module.")

runtime.adopt(template)
local me = template:new(p_data)
me.lifecycle = {}
me.registered = not me.register
me.initialPropertySubscriptionsAcquired = false
properties.prepare_all(me)
runtime.introduce(me)
runtime.listen(me)
tw_utils.psleep(2000)
thing = me

--- Answers every request for the thing.
function onThingRequest(method, path, headers, query, data)
  return runtime.serve(me, method, path, headers, query, data)
end

tw_http.registerCallback("/", "onThingRequest")
handling.tell(me, "start")
me:start()
