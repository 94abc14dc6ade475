-- What the platform subscribed to (script resource notes, 4.7 and 5.2).

local gateway = require "edgebind.gateway"
local properties = require "edgebind.properties"

local M = {}

-- ON and OFF are words of the platform for a change of a BOOLEAN.
local AS_VALUE = { ON = true, OFF = true }

local function apply(me, rows)
  for _, pt in pairs(me.properties) do pt.pushType, pt.forcePush = "NEVER", nil end
  for _, row in ipairs(rows) do
    local pt = me.properties[row.edgeName]
    if pt then
      pt.pushType = AS_VALUE[row.pushType] and "VALUE" or row.pushType
      pt.pushThreshold = tonumber(row.pushThreshold) or pt.pushThreshold
      pt.updateTime = 0
      if pt.pushType == "VALUE" then pt.forcePush = true end
    else
      log.warn(me.name, "The platform subscribes to %s, which is no property of this thing", tostring(row.edgeName))
    end
  end
end

-- Rows of an answer; an empty body has none. Nil for what is no answer.
local function rows_of(body)
  if body == nil or body == "" then return {} end
  local ok, answer = pcall(json.decode, body)
  if not ok or type(answer) ~= "table" then return nil end
  return type(answer.rows) == "table" and answer.rows or {}
end

--- Asks for the subscriptions and applies them. Returns the answer's code and body.
function M.ask(me)
  local code, body = thingworx.server.invoke("GetPropertySubscriptions", {})
  local rows = code == 200 and rows_of(body)
  if rows then
    apply(me, rows)
    me.initialPropertySubscriptionsAcquired = true
    M.mark(me, true)
    properties.changed()
  else
    log.warn(me.name, "The platform does not tell its subscriptions: %s %s", tostring(code), tostring(body))
  end
  return code, body
end

--- Sets the hidden property that says whether the subscriptions are known.
function M.mark(me, up_to_date)
  local pt = me.properties.upToDate
  if not pt then return end
  pt.value, pt.time = up_to_date, properties.now()
end

--- The subscriptions have changed, or could not be asked for: the next task asks.
function M.outdated(me)
  M.mark(me, false)
  properties.changed()
end

--- Asks if they are outdated. A gateway that is not connected would only keep the question, so it is not asked then.
function M.refresh(me)
  local pt = me.properties.upToDate
  if not pt or pt.value then return end
  if not thingworx.server.online then
    local _, online = gateway.look()
    if not online then return end
  end
  M.ask(me)
end

return M
