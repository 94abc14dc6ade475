-- The thing's description for the platform (script resource notes, 5.1). Loaded when it is first asked for.

local environment = require "edgebind.environment"

local M = {}

local function shape_fields(name)
  local shape = DataShape[name]
  if shape == nil then error("the data shape " .. tostring(name) .. " is not defined", 0) end
  return shape:toTable().fieldDefinitions
end

local function is_private(value) return value ~= nil and tw_utils.toboolean(value) end

local function property(pt)
  local init = pt.init or pt
  local entry = {
    name = pt.name, baseType = pt.baseType or "STRING", description = pt.description or "", category = "", tags = {},
    sourceType = "ThingShape", ordinal = 0,
    aspects = {
      isPersistent = false, isReadOnly = false, dataChangeType = pt.dataChangeType,
      dataChangeThreshold = pt.dataChangeThreshold, cacheTime = init.cacheTime, pushType = init.pushType,
      pushThreshold = init.pushThreshold,
    },
  }
  if pt.dataShape then
    entry.aspects.dataShape = pt.dataShape
    entry.dataShape = { aspects = { dataShape = pt.dataShape }, fieldDefinitions = shape_fields(pt.dataShape) }
  else
    entry.aspects.defaultValue = pt.value
  end
  return entry
end

local function input(given)
  local entry = { name = given.name, baseType = given.baseType, description = given.description or "", ordinal = 0 }
  if given.baseType == "INFOTABLE" then
    entry.aspects = given.aspects or {}
    entry.dataShape = {}
  end
  return entry
end

local function output(given)
  local base_type = given and given.baseType or "NOTHING"
  local description = given and given.description or ""
  local entry = { name = "result", baseType = base_type, description = "", tags = {} }
  if base_type == "INFOTABLE" then
    local shape = given.aspects and given.aspects.dataShape
    if shape == nil then error("an INFOTABLE output needs aspects.dataShape", 0) end
    entry.fieldDefinitions, entry.aspects = shape_fields(shape), given.aspects
  else
    entry.fieldDefinitions =
      { result = { name = "result", baseType = base_type, description = description, ordinal = 0 } }
  end
  return entry
end

local function service(name, definition)
  local inputs = {}
  for input_name, given in pairs(definition.inputs) do inputs[input_name] = input(given) end
  return {
    name = name, description = "", category = "", tags = {}, sourceType = "Thing",
    Inputs = { name = "", description = "", tags = {}, fieldDefinitions = inputs },
    Outputs = output(definition.output),
  }
end

-- Adds what `describe` makes of it, or logs why it is left out.
local function include(me, into, kind, name, describe, ...)
  local ok, entry = pcall(describe, ...)
  if ok then
    into[name] = entry
  else
    log.error(me.name, "The %s %s is left out of the metadata: %s", kind, tostring(name), tostring(entry))
  end
end

local function shapes()
  local names = {}
  for name, module in pairs(package.loaded) do
    local short = type(module) == "table" and name:match("^shapes%.(.+)$")
    if short then names[#names + 1] = short end
  end
  table.sort(names)
  return names
end

--- The description as JSON.
function M.describe(me)
  local property_definitions, service_definitions = {}, {}
  for name, pt in pairs(me.properties) do
    if not is_private(pt.private) then include(me, property_definitions, "property", name, property, pt) end
  end
  for name, definition in pairs(environment.defined) do
    if not definition.private then
      include(me, service_definitions, "service", name, service, name, definition)
    end
  end
  return json.encode {
    isSystemObject = false, name = environment.entity(), type = "Things", description = "",
    propertyDefinitions = property_definitions, serviceDefinitions = service_definitions, implementedShapes = shapes(),
  }
end

return M
