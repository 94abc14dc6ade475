-- Registration with the gateway (script resource notes, 4.2 and 4.7).

local environment = require "edgebind.environment"
local gateway = require "edgebind.gateway"
local properties = require "edgebind.properties"
local subscriptions = require "edgebind.subscriptions"

local M = {}

-- After a failed registration, milliseconds.
local RETRY = 5000

-- After the gateway or its connection came back, until subscriptions are asked for again: the thing has to be bound first.
local SETTLE = 10000

-- When the next of each is due, in milliseconds as `properties.now()` counts them.
local registration_due, check_due, asking_due = 0, nil, nil

-- Whether gateway and platform could be reached when it was last looked at, once they could.
local reached

local function filled(value)
  if value ~= nil and value ~= "" then return value end
end

local function address()
  local host = filled(p_data.script_resource_host) or "localhost"
  return host == "0.0.0.0" and "127.0.0.1" or host
end

--- Registers the thing; whether that succeeded.
function M.register(me)
  local code, body = thingworx.server.invokeLocalEms("AddEdgeThing", {
    name = environment.entity(),
    host = address(),
    port = tostring(filled(p_data.script_resource_port) or 8001),
    proto = tw_utils.toboolean(p_data.script_resource_ssl) and "https" or "http",
    path = "/scripts/Thingworx",
    keepalive = me.keepAliveRate,
    timeout = me.requestTimeout,
    user = filled(p_data.script_resource_userid),
    password = filled(p_data.script_resource_password),
  })
  if code == 200 then return true end
  log.error(me.name, "The gateway does not register the thing: %s %s", tostring(code), tostring(body))
  return false
end

--- Takes the registration back.
function M.deregister(me)
  me.registered = false
  local code, body = thingworx.server.invokeLocalEms("RemoveEdgeThing", { name = environment.entity() })
  if code ~= 200 then
    log.warn(me.name, "The gateway does not remove the thing: %s %s", tostring(code), tostring(body))
  end
  return code, body
end

local function push_all_again(me)
  for _, pt in pairs(me.properties) do
    if pt.pushType == "VALUE" then pt.forcePush, pt.updateTime = true, 0 end
  end
end

-- A thing that the gateway has forgotten is registered at once.
local function check(me)
  local code, body = thingworx.server.invokeLocalEms("HasEdgeThing", { name = environment.entity() })
  if code == 200 and gateway.result(body) == false then
    log.info(me.name, "The gateway does not know the thing any more.")
    registration_due = 0
  end
end

local function try(me, now)
  if not M.register(me) then
    me.registered = false
    registration_due = properties.now() + RETRY
    return
  end
  me.registered = true
  registration_due = now + me.registerRate
  check_due = now + me.keepAliveRate
  push_all_again(me)
  if not me.initialPropertySubscriptionsAcquired and not asking_due then
    if subscriptions.ask(me) ~= 200 then subscriptions.outdated(me) end
  end
end

-- Asks for the subscriptions a while after gateway or platform were away, if the settings want it.
local function ask_again(me, now)
  local server = thingworx.server
  local here = server.available and server.online
  if reached == false and here and me.initialPropertySubscriptionsAcquired then asking_due = now + SETTLE end
  if here then reached = true elseif reached then reached = false end
  if asking_due and now >= asking_due and here and me.registered then
    asking_due = nil
    subscriptions.ask(me)
  end
end

--- What is due at `now`: the check whether the gateway still knows the thing, and the registration.
function M.run(me, now)
  if not me.register then return end
  if me.registered and not thingworx.server.available then
    me.registered = false
    registration_due = 0
  end
  if me.registered and check_due and now >= check_due then
    check_due = now + me.keepAliveRate
    check(me)
  end
  if now >= registration_due then try(me, now) end
  if me.getPropertySubscriptionsOnReconnect then ask_again(me, now) end
end

--- When `run` has something to do next.
function M.due(me)
  if not me.register then return math.huge end
  local due = registration_due
  if me.registered and check_due and check_due < due then due = check_due end
  if asking_due and asking_due < due then due = asking_due end
  return due
end

return M
