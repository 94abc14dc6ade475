-- The router: the paths that the gateway uses, `/scripts/Thingworx/Things/<thing>/...` (script resource notes, 2.3).

-- Names of things by the identifiers that they have told.
local names = {}

--- Takes the identifier of a thing; form fields `identifier` and `thing`.
function onRegisterIdentifier(method, path, headers, query, data)
  local identifier, name = data and data.identifier, data and data.thing
  if type(identifier) ~= "string" or type(name) ~= "string" then return 400, "identifier and thing are needed" end
  names[identifier] = name
  return 200
end

local function script_of(entity)
  if entity:sub(1, 1) ~= "*" then return entity end
  return names[entity] or error("Could not get script name", 0)
end

-- The things that are here: a replacement may list what the original fails at.
local function list()
  local found = {}
  for name in pairs(tw_script.getScriptList()) do
    local ok, file = pcall(tw_script.getProperty, name, "file")
    if ok and file == "thing.lua" then found[#found + 1] = name end
  end
  table.sort(found)
  return 200, { ["content-type"] = "application/json" }, json.encode(found)
end

--- Hands a request on to its thing.
function onThingsRequest(method, path, headers, query, data)
  local entity = path[2]
  if entity == nil or entity == "" then return list() end
  local script, rest = script_of(entity), table.concat(path, "/", 3)
  -- The thing itself is its metadata.
  if rest == "" then method, rest = "POST", "Services/GetMetadata" end
  local code, body, answered = tw_script.executeCallback(script, method, rest, headers, query, data)
  return code, answered, body
end

require "json"
tw_http.registerCallback("/registerIdentifier", "onRegisterIdentifier")
tw_http.registerCallback("/", "onThingsRequest")

while p_data.run do tw_utils.psleep(60000) end
