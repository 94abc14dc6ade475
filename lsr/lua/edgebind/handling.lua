-- Handlers of properties and listeners of the thing's life (script resource notes, 4.2 and 7.4).

local M = {}

--- Calls `f` with what follows; an error is logged with its traceback under `what` and returned as nil, message.
function M.guard(what, f, ...)
  local arguments, n = { ... }, select("#", ...)
  local message
  local function explain(raised)
    message = raised
    log.error(p_data.name, "%s: %s", what, debug.traceback(type(raised) == "string" and raised or type(raised) .. " value", 2))
  end
  local results = { xpcall(function() return f(unpack(arguments, 1, n)) end, explain) }
  if results[1] then return true, unpack(results, 2, table.maxn(results)) end
  return nil, message
end

--- Adds a listener for `start` or `stop`. A label that is there already is replaced.
function M.listen(me, event, label, listener)
  local lifecycle = rawget(me, "lifecycle") or {}
  me.lifecycle = lifecycle
  lifecycle[event] = lifecycle[event] or {}
  for _, known in ipairs(lifecycle[event]) do
    if known.label == label then
      known.listener = listener
      return
    end
  end
  table.insert(lifecycle[event], { label = label, listener = listener })
end

--- Calls the listeners of `event` in the order in which they came; an error is logged and the next one is called.
function M.tell(me, event)
  for _, known in ipairs((me.lifecycle or {})[event] or {}) do
    M.guard(event .. " of " .. tostring(known.label), known.listener)
  end
end

-- Whether `require` has nothing under that name, as against a file with an error in it.
local function absent(message, module)
  return type(message) == "string" and message:find("module '" .. module .. "' not found", 1, true) ~= nil
end

local opened = {}

-- A name that is no handler is the name of a script, and the property's key a path in it.
local function of_script(name)
  local script = require "handlers.script"
  return {
    read = function(me, pt, headers, query) return script.readFrom(name, pt.key, me, pt, headers, query) end,
    write = function(me, pt, headers, query, data) return script.writeTo(name, pt.key, me, pt, headers, query, data) end,
  }
end

--- The handler of that name; nothing means the in-memory one. Opened once for all properties that name it.
function M.open(me, name)
  name = name or "inmemory"
  local handler = opened[name]
  if handler then return handler end
  local module = "handlers." .. tostring(name)
  local ok, found = pcall(require, module)
  if ok then
    handler = type(found) == "table" and found or package.loaded[module]
  elseif not absent(found, module) then
    log.error(p_data.name, "The handler %s does not load: %s", tostring(name), tostring(found))
  end
  if type(handler) ~= "table" then handler = of_script(name) end
  opened[name] = handler
  if type(rawget(handler, "open")) == "function" then M.listen(me, "start", module, handler.open) end
  if type(rawget(handler, "close")) == "function" then M.listen(me, "stop", module, handler.close) end
  return handler
end

return M
