-- The things' way to the gateway and through it to the platform (script resource notes, 3.13).
-- Every function returns code, body. The thing is the own one unless another is named.

local environment = require "edgebind.environment"
local gateway = require "edgebind.gateway"
local rows = require "edgebind.rows"

local ems, utils = tw_ems, tw_utils
local type, pairs, tonumber = type, pairs, tonumber
local p_data = p_data

module "thingworx.server"

--- Whether the gateway answers, and whether it is connected to the platform, as of the last call.
available, online = false, false

-- Notes what the answer says of the gateway, and hands on its code and body.
local function judged(body, code)
  if code == 200 then
    available, online = true, true
  else
    available, online = gateway.look()
  end
  return code, body
end

local function target(thing)
  return thing or environment.entity()
end

local function send(method, path, data)
  local ok, body = utils.encodeData(data)
  if not ok then return 400, "Could not encode JSON data" end
  return judged(ems[method](path, body, gateway.json_headers()))
end

--- The same as the functions of `tw_ems`, with code and body in the order of this module.
function get(path) return judged(ems.get(path)) end
function delete(path) return judged(ems.delete(path)) end
function put(path, data, headers) return judged(ems.put(path, data, headers)) end
function post(path, data, headers) return judged(ems.post(path, data, headers)) end

--- Invokes a service.
function invoke(service, data, thing)
  if service == nil then return 404, "Invoking a service with no service name is not possible" end
  return send("post", utils.EMS_SVC_PATH(target(thing), service), data)
end

--- Invokes a service of the gateway's channel, or of the gateway itself.
function invokeChannel(service, data) return invoke(service, data, "me") end
function invokeLocalEms(service, data) return invoke(service, data, "LocalEms") end

--- Reads a property of the platform's thing.
function getProperty(name, thing)
  if name == nil then return 404, "Getting a property with no property name is not possible" end
  return get(utils.EMS_PROP_PATH(target(thing), name))
end

--- Writes one property; `data` is sent as it is.
function _setProperty(name, data, thing)
  return send("put", utils.EMS_PROP_PATH(target(thing), name), data)
end

--- Writes one property, or pushes the one whose table is given.
function setProperty(name, data, thing)
  if name == nil then return 404, "Setting a property with no property name is not possible" end
  if type(name) == "table" then return setProperties { name } end
  return _setProperty(name, data, thing)
end

--- Pushes properties in batches; the first that is not accepted ends it. An empty list is one empty batch (4.5).
function setProperties(list, thing)
  if list == nil then return 404, "Setting properties with no properties supplied is not possible" end
  local pending = {}
  for _, pt in pairs(list) do pending[#pending + 1] = rows.encode(pt) end
  local path = utils.EMS_SVC_PATH(target(thing), "UpdateSubscribedPropertyValues")
  local size = tonumber(p_data.maxConcurrentPropertyUpdates) or 100
  local code, body
  local from = 1
  repeat
    code, body = post(path, rows.batch(pending, from, size), gateway.json_headers())
    from = from + size
  until not rows.accepted(code) or from > #pending
  return code, body
end

--- Fires an event.
function fireEvent(name, data, thing)
  if name == nil then return 404, "Firing an event with no event name is not possible" end
  return send("post", utils.EMS_EVENT_PATH(target(thing), name), data)
end
