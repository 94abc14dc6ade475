-- What is pushed (script resource notes, 4.4), and the rows that could not be.
--
-- The original forgets the rest of a scan after a failed push. Here rows wait in their order until they are accepted,
-- at most LIMIT of them: then the oldest go, which is logged.

local environment = require "edgebind.environment"
local gateway = require "edgebind.gateway"
local rows = require "edgebind.rows"

local M = {}

local LIMIT = 10000

-- Pause before the first repetition, the longest pause, and how long refused rows are repeated; milliseconds.
local RETRY, LONGEST, PATIENCE = 1000, 8000, 60000

local waiting = {}
local lost = 0
local retry_at, refused_since
local pause = RETRY

local NUMBERS = { NUMBER = true, INTEGER = true }
local COMPARED = { STRING = true, BOOLEAN = true, DATETIME = true, IMAGE = true, JSON = true, XML = true, INFOTABLE = true }

local function moved(new, old)
  if type(new) ~= "table" or type(old) ~= "table" then return new ~= old end
  return new.latitude ~= old.latitude or new.longitude ~= old.longitude or new.elevation ~= old.elevation
end

--- Whether the platform hears of this property at all.
function M.pushable(pt)
  return pt.pushType == "ALWAYS" or pt.pushType == "VALUE"
end

--- Whether a property that was just read is to be pushed. Takes the mark that `setProperty` and others leave.
function M.due(pt)
  if pt.pushType == "ALWAYS" then return true end
  if pt.pushType ~= "VALUE" then return false end
  if pt.forcePush then
    pt.forcePush = nil
    return true
  end
  local new, old, base_type = pt.value, pt.prev.value, pt.baseType
  if NUMBERS[base_type] then
    return math.abs((tonumber(new) or 0) - (tonumber(old) or 0)) > (tonumber(pt.pushThreshold) or 0)
  end
  if base_type == "LOCATION" then return moved(new, old) end
  return COMPARED[base_type] == true and new ~= old
end

-- Takes the first `count` rows away.
local function drop(count)
  local rest = {}
  for i = count + 1, #waiting do rest[#rest + 1] = waiting[i] end
  waiting = rest
end

--- Adds a property as it is now to what waits.
function M.add(me, pt)
  local ok, encoded = pcall(rows.encode, pt)
  if not ok then
    log.error(me.name, "The property %s cannot be pushed: %s", tostring(pt.name), tostring(encoded))
    return
  end
  if #waiting >= LIMIT then
    -- A tenth at once, so that not every further row moves all others.
    drop(LIMIT / 10)
    lost = lost + LIMIT / 10
    log.warn(me.name, "The gateway takes nothing: %d values are lost so far, the oldest first", lost)
  end
  waiting[#waiting + 1] = encoded
end

-- Whether rows that were answered so may be taken later. While the gateway is not connected nothing is refused for good.
local function passing(code)
  return code == 503 or code == 504 or code == 429 or not thingworx.server.online
end

-- Notes that the first `size` rows were not taken. What is refused for longer than PATIENCE is given up, so that one bad
-- value does not stop all others.
local function put_off(me, now, size, code, body)
  log.error(me.name, "The push of %d values failed: %s %s", size, tostring(code), tostring(body))
  retry_at = now + pause
  pause = math.min(2 * pause, LONGEST)
  if passing(code) then
    refused_since = nil
    return
  end
  refused_since = refused_since or now
  if now - refused_since >= PATIENCE then
    log.error(me.name, "%d values are given up: they were refused for %d s", size, PATIENCE / 1000)
    drop(size)
    refused_since = nil
  end
end

--- Sends what waits, in order. What is not accepted waits on.
function M.flush(me, now)
  if retry_at and now < retry_at then return end
  retry_at = nil
  local path = tw_utils.EMS_SVC_PATH(environment.entity(), "UpdateSubscribedPropertyValues")
  while #waiting > 0 and not retry_at do
    local size = math.min(me.maxConcurrentPropertyUpdates, #waiting)
    local code, body = thingworx.server.post(path, rows.batch(waiting, 1, size), gateway.json_headers())
    if rows.accepted(code) then
      refused_since, pause = nil, RETRY
      drop(size)
    else
      put_off(me, now, size, code, body)
    end
  end
end

--- When rows that were not accepted are sent again; far away if there are none.
function M.retry()
  return #waiting > 0 and retry_at or math.huge
end

--- How many rows wait.
function M.waiting() return #waiting end

return M
