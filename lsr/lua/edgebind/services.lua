-- Calls of the thing's services (script resource notes, 6).

local environment = require "edgebind.environment"
local handling = require "edgebind.handling"

local M = {}

local RESULT_HEAD, RESULT_MIDDLE = '{"rows":[{"result":', '}],"dataShape":{"fieldDefinitions":{"result":{"name":"result","baseType":'
local RESULT_TAIL = ',"description":"","aspects":{"persist":false}}}}}'

-- An infotable with the one value; `encoded` is JSON.
local function table_of(base_type, encoded)
  return RESULT_HEAD .. encoded .. RESULT_MIDDLE .. json.encode(base_type) .. RESULT_TAIL
end

-- The text that a JSON string literal says, or nil for any other text.
local function unquoted(text)
  if type(text) == "string" and text:find("^%s*[\"'/]") and tw_utils.isJson(text) then return json.decode(text) end
end

local function inconvertible(base_type)
  return nil, "Could not convert service result into base type of " .. base_type
end

local function number(result, base_type)
  local value = tonumber(result)
  if type(result) == "table" or value == nil then return inconvertible(base_type) end
  return table_of(base_type, json.encode(value))
end

local function structure(result, base_type)
  local value = type(result) == "table" and result or unquoted(result)
  if value == nil then return nil, "Services with a base type of " .. base_type .. " must return a table" end
  return table_of(base_type, json.encode(value))
end

-- The body for each declared type that is more than text. Nil and a message where the result does not fit.
local converted = {
  NOTHING = function() return "" end,
  NUMBER = number,
  INTEGER = number,
  DATETIME = number,
  BOOLEAN = function(result, base_type)
    return table_of(base_type, tostring(tw_utils.toboolean(result)))
  end,
  LOCATION = structure,
  JSON = structure,
  QUERY = structure,
  IMAGE = function(result, base_type)
    if type(result) ~= "string" and type(result) ~= "number" then return nil, "Invalid parameter" end
    return table_of(base_type, json.encode(tw_utils.base64_encode(tostring(result))))
  end,
  INFOTABLE = function(result, base_type)
    if type(result) == "string" then return result end
    if type(result) == "userdata" then result = result:toTable() end
    if type(result) ~= "table" then return inconvertible(base_type) end
    return json.encode(result)
  end,
}

local function convert(result, base_type)
  local special = converted[base_type]
  if special then return special(result, base_type) end
  local text = tostring(result)
  return table_of(base_type, json.encode(unquoted(text) or text))
end

local function declared(name)
  local definition = environment.defined[name]
  return definition and definition.output and definition.output.baseType or "NOTHING"
end

-- Text that may be sent as it is; anything else is an empty body.
local function raw(result)
  if type(result) == "string" or type(result) == "number" then return result end
  return ""
end

-- What a service returned, as an answer: code, headers, body.
local function answer(name, code, result, headers)
  headers = headers or { ["content-type"] = "application/json" }
  if code == 200 then
    local body, message = convert(result, declared(name))
    if not body then return 500, headers, message end
    return 200, headers, body
  end
  local number = tonumber(code)
  if not number then return 500, headers, raw(code) end
  return number, headers, raw(result)
end

-- The inputs that a request carries; false for a request without JSON.
local function inputs(headers, data)
  local content = data and data.content
  if content == nil or content == "" then
    local content_type = headers and headers["content-type"]
    if not content_type or not content_type:find("json", 1, true) then return false end
    return true, { null = 0 }
  end
  local jdata = json.decode(content)
  if jdata.rows then return true, jdata.rows[1] end
  return true, jdata
end

--- The names of all services, private ones too: 200 and JSON.
function M.list(me)
  local names = {}
  for name in pairs(me.services) do names[#names + 1] = name end
  table.sort(names)
  return 200, json.encode(names)
end

--- Answers a request for `Services` or `Services/<name>`.
function M.serve(me, method, name, headers, query, data)
  local unnamed = name == nil or name == ""
  if unnamed and method == "GET" then return M.list(me) end
  if method ~= "POST" then return 405, "Method not allowed" end
  return M.call(me, name, headers, query, data)
end

--- Calls a service with the inputs in `data.content`.
function M.call(me, name, headers, query, data)
  if name == nil or name == "" then return 404, "A service name must be specified" end
  local service = me.services[name]
  if type(service) ~= "function" then return 404, "Service '" .. tostring(name) .. "' not found" end
  local ok, given = inputs(headers, data)
  if not ok then return 400, "Service invocation requires JSON data" end

  local done, code, result, answered = handling.guard("service " .. name, service, me, headers, query, given)
  if not done then return 500, { ["content-type"] = "application/json" }, raw(code) end
  return answer(name, code, result, answered)
end

return M
