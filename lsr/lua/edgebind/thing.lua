-- The life of a thing (script resource notes, 4.2 and 4.4).
--
-- The original looks every `scanRateResolution` whether something is due. Here the thing sleeps until then, and is woken
-- by whatever a request changes; its times are whole seconds as there.

local environment = require "edgebind.environment"
local handling = require "edgebind.handling"
local lazy = require "edgebind.lazy"
local properties = require "edgebind.properties"
local push = require "edgebind.push"
local registration = require "edgebind.registration"

local M = {}

-- Longest sleep, milliseconds: a script may set fields of a property that nobody tells the loop of.
local LONGEST = 15000

-- Makes a setting a number or a boolean, whatever the configuration said.
local function number(name, default)
  p_data[name] = tonumber(p_data[name]) or default
end

local function boolean(name, default)
  local given = p_data[name]
  if given == nil then given = default end
  p_data[name] = tw_utils.toboolean(given)
end

--- Completes the settings of the script's entry (4.1).
function M.settings()
  p_data.scanRate = tonumber(p_data.scanRate) or tonumber(p_data.updateRate) or 60000
  number("taskRate", 15000)
  number("scanRateResolution", 500)
  number("keepAliveRate", 60000)
  number("requestTimeout", 15000)
  number("registerRate", 43200000)
  number("maxConcurrentPropertyUpdates", 100)
  p_data.maxConcurrentPropertyUpdates = math.max(1, p_data.maxConcurrentPropertyUpdates)
  boolean("register", true)
  boolean("useShapes", true)
  boolean("getPropertySubscriptionsOnReconnect", false)
  p_data.defaultPushType = p_data.defaultPushType or "VALUE"
  for _, rate in ipairs { "scanRate", "taskRate" } do
    assert(p_data[rate] > p_data.scanRateResolution, rate .. " must be greater than scanRateResolution.")
  end
end

-- The time after `time` at which a whole second is greater than it.
local function second_after(time) return (math.floor(time / 1000) + 1) * 1000 end

-- Reads one property and adds it to what is pushed, if it is due.
local function evaluate(me, name, pt, keeps)
  local code, text = properties.read(me, pt)
  if code ~= 200 then
    log.error(me.name, "The property %s cannot be read: %s %s", name, tostring(code), tostring(text))
  elseif push.due(pt) and keeps then
    push.add(me, pt)
  end
end

-- Reads what is due; returns when the next property is due.
local function scan(me, now, keeps)
  local next_due, names = math.huge, {}
  -- Handlers and rules may add properties meanwhile.
  for name in pairs(me.properties) do names[#names + 1] = name end
  for _, name in ipairs(names) do
    local pt = properties.find(me, name)
    if pt and push.pushable(pt) then
      if now > pt.updateTime then
        evaluate(me, name, pt, keeps)
        pt.updateTime = now + pt.scanRate
        local rules = me.tasks.EvaluateRules
        if rules then handling.guard("EvaluateRules", rules, me, nil) end
      end
      next_due = math.min(next_due, second_after(pt.updateTime))
    end
  end
  return next_due
end

local function run_tasks(me)
  for name, task in pairs(me.tasks) do
    if not p_data.run then return end
    if type(task) == "function" then handling.guard("task " .. tostring(name), task, me) end
  end
end

-- A share of the pause of the original's loop, so that the things of a process do not all wake with the second.
local function phase(me)
  local sum = 0
  for i = 1, #me.name do sum = (sum * 31 + me.name:byte(i)) % 9973 end
  return 10 + sum % math.max(1, me.scanRateResolution - 20)
end

-- Milliseconds until `due`, counted in the things' whole seconds, and a little more.
local function pause(due, offset)
  local now = tw_utils.currentTime() - 62135596800000
  return math.max(0, math.min(due + offset - now, LONGEST))
end

local function loop(me)
  local offset = phase(me)
  local tasks_due, settled = 0, false
  -- What is read before the first registration is not pushed; what is read when the gateway is away later, is kept.
  local keeps = me.registered
  while p_data.run do
    local now = properties.now()
    local due = scan(me, now, keeps)
    if me.registered then push.flush(me, now) end
    registration.run(me, properties.now())
    keeps = keeps or me.registered
    now = properties.now()
    if now >= tasks_due then
      tasks_due = now + me.taskRate
      run_tasks(me)
    end
    due = math.min(due, registration.due(me), tasks_due, me.registered and push.retry() or math.huge)
    if not settled then
      -- What loading and the first round have left behind; twice, since finalizers run in between.
      collectgarbage()
      collectgarbage()
      settled = true
    end
    if p_data.run then edgebind.sleep(pause(due, offset)) end
  end
end

-- The modules of shapes, in the order of their names.
local function shapes()
  local found = {}
  for name, module in pairs(package.loaded) do
    if name:find("^shapes%.") and type(module) == "table" then found[#found + 1] = { name = name, module = module } end
  end
  table.sort(found, function(a, b) return a.name < b.name end)
  return found
end

--- Gives the template what the shapes have and it has not itself (7.3).
function M.adopt(template)
  for _, shape in ipairs(shapes()) do
    for _, kind in ipairs { "properties", "services", "tasks" } do
      local own = template[kind]
      for name, value in pairs(shape.module[kind]) do
        if own[name] == nil then own[name] = value end
      end
    end
  end
end

--- Makes the shapes' `start` and `stop` listeners of the thing's life.
function M.listen(me)
  for _, shape in ipairs(shapes()) do
    handling.listen(me, "start", shape.name, function() shape.module.start() end)
    handling.listen(me, "stop", shape.name, function() shape.module.stop() end)
  end
end

--- Sees that the router runs, and tells it the thing's identifier (2.3).
function M.introduce(me)
  tw_script.loadScriptFromFile("Thingworx", "thingworx.lua")
  local identifier = environment.identifier()
  if not identifier then return end
  while p_data.run do
    local code = tw_script.executeCallback("Thingworx", "POST", "registerIdentifier", {}, {}, {
      identifier = identifier, thing = me.name,
    })
    if code == 200 then return end
    tw_utils.psleep(1000)
  end
end

--- Answers a request for the thing: `path` is what follows its name (2.3).
function M.serve(me, method, path, headers, query, data)
  local kind, name = path[1], path[2]
  if kind == nil or kind == "" then return 200, "Return Thing JSON here" end
  if kind ~= "Services" and kind ~= "Properties" then return 404, "Not found" end
  properties.changed()
  -- Much of the code of services is needed by nobody until then.
  local part = kind == "Services" and lazy "edgebind.services" or properties
  return part.serve(me, method, name, headers, query, data)
end

--- Runs the thing until it is told to stop.
function M.run(me)
  local ok, message = handling.guard("thing", loop, me)
  handling.tell(me, "stop")
  registration.deregister(me)
  if not ok then error(message, 0) end
end

return M
