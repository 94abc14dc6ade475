-- The environments of templates, shapes and handlers, and the words in which services are defined
-- (script resource notes, 7.1 to 7.4).
--
-- After `module(...)` the globals are gone: a template sees its own table and, behind it, the table that `fill` has filled.

local base = _G
local M = {}

local FUNCTIONS = {
  "assert", "collectgarbage", "dofile", "error", "getfenv", "getmetatable", "ipairs", "load", "loadfile", "loadstring",
  "module", "next", "pairs", "pcall", "print", "rawequal", "rawget", "rawset", "require", "select", "setfenv",
  "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall",
}
local LIBRARIES = {
  "coroutine", "debug", "file", "io", "math", "os", "package", "string", "table", "json", "log", "thingworx", "dataShapes",
  "DataShape", "ps_rap", "tw_rap", "tw_ems", "ps_dir", "tw_dir", "ps_script", "tw_script", "ps_utils", "tw_utils",
  "ps_mutex", "tw_mutex", "ps_http", "tw_http", "tw_datashape", "tw_infotable",
}

-- Clauses of a service definition. Each makes a marked copy, so that the order of the clauses does not matter.
local function clause(kind)
  return function(given)
    local made = { clause = kind }
    if type(given) == "table" then
      for key, value in pairs(given) do made[key] = value end
    end
    return made
  end
end

M.input, M.output, M.description, M.private = clause "input", clause "output", clause "description", clause "private"

-- All definitions of the thing: shapes and template share this table, and a later one adds to an earlier one.
M.defined = {}

-- The parts of a clause that the platform is told of.
local function field(given, name, default)
  return {
    name = name,
    baseType = given.baseType or given.basetype or default,
    description = given.description,
    default = given.default,
    aspects = type(given.aspects) == "table" and given.aspects or nil,
  }
end

local function define(name, ...)
  local definition = M.defined[name] or { inputs = {} }
  for i = 1, select("#", ...) do
    local given = select(i, ...)
    local kind = type(given) == "table" and given.clause
    if kind == "input" and given.name ~= nil then
      definition.inputs[given.name] = field(given, given.name, "STRING")
    elseif kind == "output" then
      definition.output = field(given, "result", "NOTHING")
    elseif kind == "description" then
      definition.description = given[1]
    elseif kind == "private" then
      definition.private = base.tw_utils.toboolean(given[1])
    end
  end
  M.defined[name] = definition
end

-- `serviceDefinitions.Name(...)` for any name.
M.definitions = setmetatable({}, {
  __index = function(_, name) return function(...) define(name, ...) end end,
})

--- Fills `module`, the table behind the environments of templates.
function M.fill(module)
  for _, name in ipairs(FUNCTIONS) do module[name] = base[name] end
  for _, name in ipairs(LIBRARIES) do module[name] = base[name] end
  module.base = base
  module.p_data = base.p_data
  module.name = base.p_data.name
  module.identifier = M.identifier()
  module.server = base.thingworx.server
  module.tw_server = base.thingworx.server
  module.input, module.output = M.input, M.output
  module.description, module.private = M.description, M.private
  module.serviceDefinitions = M.definitions
  module.definedServiceDefinitions = M.defined
end

--- Puts the names of templates behind `module`.
function M.behind(module) setmetatable(module, { __index = base.thingworx.template }) end

--- Gives a new module of that kind its own empty tables, and `behind` for every other name.
function M.extend(module, behind)
  module.me = module
  module.services, module.properties, module.tasks = {}, {}, {}
  return setmetatable(module, { __index = behind })
end

--- The identifier as it is registered, with its asterisk; nothing without one.
function M.identifier()
  local identifier = base.p_data.identifier
  if identifier ~= nil and identifier ~= "" then return "*" .. identifier end
end

--- The name under which the thing is known to the gateway and the platform.
function M.entity()
  return M.identifier() or base.p_data.name
end

return M
