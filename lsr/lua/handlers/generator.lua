-- Makes up values (script resource notes, 7.4). The property's `functionType` is ramp, random, sin, cos, square or user;
-- `minValue`, `maxValue` and `step` bound it, `qualityPercent` and `errorQualityStatus` spoil some of the values.

module("handlers.generator", thingworx.handler.extend)

-- Where each property stands, by its table.
local places = setmetatable({}, { __mode = "k" })

-- Seconds since 1970 of "yyyy-mm-dd hh:mm:ss"; numbers are milliseconds already.
local function instant(limit)
  if type(limit) ~= "string" then return limit end
  local year, month, day, hour, minute, second = string.match(limit, "^(%d+)-(%d+)-(%d+)%s+(%d+):(%d+):(%d+)")
  if not year then return tonumber(limit) end
  return os.time { year = year, month = month, day = day, hour = hour, min = minute, sec = second } * 1000
end

local limits_of = {
  NUMBER = function(pt) return tonumber(pt.minValue) or 0, tonumber(pt.maxValue) or 100, tonumber(pt.step) or 1 end,
  DATETIME = function(pt)
    local now = os.time() * 1000
    return instant(pt.minValue) or now, instant(pt.maxValue) or now + 86400000, (tonumber(pt.step) or 1) * 1000
  end,
}
limits_of.INTEGER, limits_of.STRING, limits_of.LOCATION = limits_of.NUMBER, limits_of.NUMBER, limits_of.NUMBER

-- One step up; above the end again from the beginning.
local function climb(pt, low, high, step)
  local at = (places[pt] or low) + step
  if at > high then at = low end
  places[pt] = at
  return at
end

local functions = {
  ramp = climb,
  random = function(_, low, high) return low + math.random() * (high - low) end,
  sin = function(...) return math.sin(math.rad(climb(...))) end,
  cos = function(...) return math.cos(math.rad(climb(...))) end,
  square = function(pt, low, high)
    places[pt] = places[pt] ~= high and high or low
    return places[pt]
  end,
}

local dressed = {
  NUMBER = function(made) return made end,
  INTEGER = function(made, kind) return kind == "random" and math.floor(made + 0.5) or made end,
  DATETIME = function(made) return math.floor(made) end,
  STRING = tostring,
  LOCATION = function(made) return { latitude = made, longitude = made, elevation = made } end,
}

function read(me, pt)
  local kind = string.lower(tostring(pt.functionType))
  if kind == "user" then
    local pending = pt.next
    if pending then
      pt.value, pt.time, pt.quality, pt.next = pending.value, pending.time, pending.quality, nil
    end
    return 200
  end
  local generate, limits = functions[kind], limits_of[pt.baseType]
  if not generate or not limits then return 200 end
  local low, high, step = limits(pt)
  pt.value = dressed[pt.baseType](generate(pt, low, high, step), kind)
  pt.time = os.time() * 1000
  local good = tonumber(pt.qualityPercent) or 100
  pt.quality = math.random() * 100 < good and "GOOD" or pt.errorQualityStatus or "BAD"
  return 200
end

function write(me, pt, headers, query, data)
  pt.next = { value = data.value, time = os.time() * 1000, quality = data.quality or "GOOD" }
  return 200, "Success"
end
