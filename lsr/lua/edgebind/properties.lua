-- Properties of a thing: their definitions, reading and writing (script resource notes, 4.3 and 4.6).

local environment = require "edgebind.environment"
local handling = require "edgebind.handling"

local M = {}

-- The handler of each property, by the property's table.
local handlers = setmetatable({}, { __mode = "k" })

--- Has the main loop look again at what is due.
M.changed = edgebind.wake

--- Milliseconds as the things count them: whole seconds (4.4).
function M.now() return os.time() * 1000 end

local function default_value(pt, use_shapes)
  local base_type = pt.baseType
  if base_type == "LOCATION" then return { latitude = 0, longitude = 0, elevation = 0 } end
  if base_type == "STRING" or base_type == "XML" then return "" end
  if base_type ~= "INFOTABLE" then return 0 end
  if not use_shapes then return { fieldDefinitions = {}, rows = {} } end
  return tw_infotable.createInfoTable(DataShape[pt.dataShape]:clone()):toTable()
end

local function check_shape(name, pt)
  if pt.dataShape == nil then error("The INFOTABLE property " .. name .. " has no dataShape.", 0) end
  if DataShape[pt.dataShape] == nil then
    error("The data shape " .. tostring(pt.dataShape) .. " of the property " .. name .. " is not defined.", 0)
  end
end

--- Completes the definition of one property.
function M.prepare(me, name, pt)
  pt.name = name
  pt.baseType = pt.baseType or pt.basetype
  pt.basetype = pt.baseType
  if pt.baseType == "INFOTABLE" and me.useShapes then check_shape(name, pt) end
  if pt.value == nil then pt.value = default_value(pt, me.useShapes) end
  pt.time = pt.time or M.now()
  pt.quality = pt.handler == nil and "GOOD" or pt.quality or "UNKNOWN"

  pt.scanRate = tonumber(pt.scanRate) or me.scanRate
  assert(pt.scanRate > me.scanRateResolution, "The scanRate of the property " .. name .. " must be greater than scanRateResolution.")
  local threshold = tonumber(pt.threshold) or 0
  pt.dataChangeType = pt.dataChangeType or "VALUE"
  pt.dataChangeThreshold = tonumber(pt.dataChangeThreshold) or threshold
  pt.pushType = pt.pushType or pt.dataChangeType
  pt.pushThreshold = tonumber(pt.pushThreshold) or threshold
  pt.cacheTime = tonumber(pt.cacheTime) or (pt.pushType == "NEVER" and -1 or 0)

  pt.updateTime = 0
  pt.prev = { value = pt.value, time = pt.time, quality = pt.quality }
  -- What the platform is told of, whatever it subscribes to later.
  pt.init = { pushType = pt.pushType, pushThreshold = pt.pushThreshold, cacheTime = pt.cacheTime }
  handlers[pt] = handling.open(me, pt.handler)
end

--- The property of that name, complete also when the script made it a moment ago; nil without one.
function M.find(me, name)
  local pt = me.properties[name]
  if type(pt) ~= "table" then return nil end
  if handlers[pt] == nil then
    local ok, message = pcall(M.prepare, me, name, pt)
    if not ok then
      log.error(me.name, "The property %s is not usable: %s", tostring(name), tostring(message))
      me.properties[name] = nil
      return nil
    end
  end
  return pt
end

--- Has the handler read; returns its code and text. 500 and the message of an error.
function M.read(me, pt, headers, query)
  local prev = pt.prev
  if type(prev) ~= "table" then
    prev = {}
    pt.prev = prev
  end
  prev.value, prev.time, prev.quality = pt.value, pt.time, pt.quality

  local ok, code, text = pcall(handlers[pt].read, me, pt, headers, query)
  if not ok then code, text = 500, code end
  if code == 200 and pt.baseType == "BOOLEAN" then pt.value = tw_utils.toboolean(pt.value) end
  return code, text
end

local function unknown(name)
  return 404, "Property '" .. tostring(name) .. "' not found"
end

--- Reads a property: 200 and JSON, or another code and a text.
function M.get(me, name, headers, query)
  local pt = M.find(me, name)
  if not pt then return unknown(name) end
  local code, text = M.read(me, pt, headers, query)
  if code ~= 200 then return code, text end
  return 200, tw_utils.toJsonInfotable(pt)
end

--- All properties as they are kept: 200 and JSON. No handler is asked.
function M.all(me)
  return 200, json.encode(me.properties)
end

-- Rows that came from outside, taken over field by field by the property's data shape.
local function typed_table(pt, given)
  local made = tw_infotable.createInfoTable(DataShape[pt.dataShape]:clone())
  for _, row in ipairs(given.rows) do
    local ok, message = made:addRow(row)
    if not ok then return nil, message end
  end
  return made:toTable()
end

-- The value to write and what the handler gets, or nil and the reason.
local function value_for(me, pt, data)
  local value
  if type(data) == "table" then
    value = data[pt.name]
    if value == nil then value = data.value end
  end
  if pt.baseType == "BOOLEAN" then
    value = tw_utils.toboolean(value)
  elseif value == nil then
    return nil, "Request to set property " .. pt.name .. " did not contain valid data"
  end
  if type(value) == "userdata" then value = value:toTable() end
  if pt.baseType == "INFOTABLE" and me.useShapes and type(value) == "table" and type(value.rows) == "table" then
    local made, message = typed_table(pt, value)
    if not made then return nil, message end
    value = made
  end
  local handed = { value = value, [pt.name] = value }
  if type(data) == "table" then handed.quality = data.quality end
  return handed
end

--- Writes a property; `data` has the value as `value` or under the property's name. Returns code and text.
function M.set(me, name, headers, query, data)
  local pt = M.find(me, name)
  if not pt then return unknown(name) end
  local handed, message = value_for(me, pt, data)
  if not handed then return 400, message end

  local ok, code, text = pcall(handlers[pt].write, me, pt, headers, query, handed)
  if not ok then code, text = 500, code end
  if code == 200 then
    pt.updateTime = M.now()
    if pt.pushType == "VALUE" then pt.forcePush = true end
    M.changed()
  end
  return code, text
end

local JSON = { ["content-type"] = "application/json" }

-- Handlers may answer with anything; a code that is no number is an error of the handler.
local function reply(code, text, headers)
  if type(code) ~= "number" then code = 500 end
  local body = (type(text) == "string" or type(text) == "number") and text or ""
  if headers then return code, headers, body end
  return code, body
end

--- Answers a request for `Properties` or `Properties/<name>` (4.6).
function M.serve(me, method, name, headers, query, data)
  if name == nil or name == "" then
    if method ~= "GET" then return 405, "The method " .. method .. " is not supported" end
    local code, text = M.all(me)
    return reply(code, text, JSON)
  end
  if method == "GET" then
    local code, text = M.get(me, name, headers, query)
    return reply(code, text, JSON)
  end
  if method ~= "PUT" then return 405, "Method not allowed" end
  if not M.find(me, name) then return unknown(name) end
  local content = data and data.content
  if content == nil or content == "" then return 400, "Property update requires JSON data" end
  local given = json.decode(content)
  if type(given) == "table" and type(given.rows) == "table" then given = given.rows[1] end
  return reply(M.set(me, name, headers, query, given))
end

--- Completes every property; an error ends the thing.
function M.prepare_all(me)
  for name, pt in pairs(me.properties) do M.prepare(me, name, pt) end
end

return M
