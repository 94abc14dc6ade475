-- `thingworx.utils`, whose functions `tw_utils` has too (script resource notes, 3.4).

require "json"

local json, tw_mutex, tw_script, tw_utils = json, tw_mutex, tw_script, tw_utils
local error, next, pairs, pcall, require, table, tostring, type = error, next, pairs, pcall, require, table, tostring, type
local string = string

module "thingworx.utils"

PATH_THINGS, PATH_PROPS, PATH_SVCS, PATH_EVENTS = "/Thingworx/Things/", "Properties", "Services", "Events"

-- Milliseconds from the year 1, from which `tw_utils.currentTime` counts, to 1970.
local UNIX_EPOCH = 62135596800000

local function now() return tw_utils.currentTime() - UNIX_EPOCH end

local function path(thing, characteristic, name)
  return PATH_THINGS .. thing .. "/" .. characteristic .. "/" .. name
end

function EMS_SVC_PATH(thing, service) return path(thing, PATH_SVCS, service) end
function EMS_PROP_PATH(thing, property) return path(thing, PATH_PROPS, property) end
function EMS_EVENT_PATH(thing, event) return path(thing, PATH_EVENTS, event) end
function EMS_PROPS_VTQ_PATH(thing) return path(thing, "PropertiesVTQ", "*") end

--- Headers of a request; they are put into `headers` if it is given.
function REQ_HEADERS(host, content_type, headers)
  headers = headers or {}
  headers.host = host or "localhost"
  headers["content-type"] = content_type or "application/json"
  return headers
end

--- Headers of a response; they are put into `headers` if it is given.
function RESP_HEADERS(content_type, headers)
  headers = headers or {}
  headers["content-type"] = content_type or "application/json"
  return headers
end

local function flatten(t, prefix, names, values, depth)
  if depth > 100 then error("tables are nested deeper than 100", 3) end
  for key, value in pairs(t) do
    local name = prefix .. tostring(key)
    if type(value) == "table" then
      flatten(value, name .. ".", names, values, depth + 1)
    else
      names[#names + 1] = name
      values[name] = tostring(value)
    end
  end
end

--- `c.d=true, b=x, a=1, `: the last name first, the separator behind each.
function toString(t, separator)
  if type(t) ~= "table" then return tostring(t) end
  local names, values = {}, {}
  flatten(t, "", names, values, 1)
  table.sort(names, function(a, b) return a > b end)
  for i, name in pairs(names) do names[i] = name .. "=" .. values[name] .. (separator or ", ") end
  return table.concat(names)
end

--- False for nil, false, 0 and the text `false` in any case; true for everything else.
function toboolean(value)
  if type(value) == "string" then return string.lower(value) ~= "false" end
  return value ~= nil and value ~= false and value ~= 0
end

--- Value, time and quality of a property.
function toVTQ(pt)
  return { value = pt.value, time = pt.time or now(), quality = pt.quality or "UNKNOWN" }
end

--- The same with the base type beside the value.
function toVariantVTQ(pt)
  local vtq = toVTQ(pt)
  vtq.value = { baseType = pt.baseType, value = pt.value }
  return vtq
end

function toJsonVTQ(pt) return json.encode(toVTQ(pt)) end

local function field(name, base_type, aspects)
  return { name = name, baseType = base_type, description = "", aspects = aspects or {} }
end

--- A property as the infotable that the platform reads (4.6).
function toJsonInfotable(pt)
  local aspects = pt.baseType == "INFOTABLE" and { dataShape = pt.dataShape } or nil
  local value = pt.value
  if type(value) == "userdata" then value = value:toTable() end
  return json.encode {
    rows = { { [pt.name] = value, time = pt.time or now() } },
    dataShape = {
      fieldDefinitions = { [pt.name] = field(pt.name, pt.baseType or "STRING", aspects), time = field("time", "DATETIME") },
    },
  }
end

--- Whether `text` is JSON of a text: of anything else it is not, as in the original.
function isJson(text)
  if type(text) ~= "string" then return false end
  local ok, value = pcall(json.decode, text)
  return ok and type(value) == "string"
end

--- true and the JSON of a table, or false and why not.
function encodeData(data)
  if data == nil then return true, "{}" end
  if type(data) ~= "table" then return false, "Data must be a table" end
  if next(data) == nil then return true, "{}" end
  return pcall(json.encode, data)
end

--- The path before `?`, and the parameters behind it as they stand.
function parseQueryParams(url)
  local bare, query = string.match(url, "^([^?]*)%??(.*)$")
  local parameters = {}
  for pair in string.gmatch(query, "[^&]+") do
    local name, value = string.match(pair, "^([^=]*)=(.*)$")
    if not name then error("the parameter " .. pair .. " has no value", 2) end
    parameters[name] = value
  end
  return bare, parameters
end

--- Whether a property that was just read is to be pushed (4.4).
function evaluateChange(pt) return require "edgebind.push".due(pt) end

local function release(ok, ...)
  tw_mutex.unlock()
  if not ok then error((...), 0) end
  return ...
end

--- Runs `f` under the script's mutex and returns what it returns; after an error too the mutex is free.
function scopelock(f, ...)
  tw_mutex.lock()
  return release(pcall(f, ...))
end

function isWindows() return tw_utils.host_os() == "win32" end

--- Starts the script `name` from `file` if there is none of that name; returns whether it runs, or has run, before
--- `timeout` milliseconds, 30 s without it, have passed.
function tw_script.loadScriptFromFile(name, file, timeout)
  if not tw_script.getScriptList()[name] then tw_script.addScript(name, file) end
  local give_up = now() + (timeout or 30000)
  while true do
    local status = tw_script.getScriptList()[name]
    if status == "Running" or status == "Finished" then return true end
    if now() >= give_up then return false end
    tw_utils.psleep(20)
  end
end

for name, value in pairs(_M) do
  if type(value) == "function" then tw_utils[name] = value end
end
