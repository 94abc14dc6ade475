-- Makes up values (script resource notes, 7.4). The property's `functionType` is ramp, random, sin, cos, square or user;
-- `minValue`, `maxValue` and `step` bound it, `qualityPercent` and `errorQualityStatus` spoil some of the values.

module("handlers.generator", thingworx.handler.extend)

local memory = require "handlers.inmemory"

-- Where each property stands, by its table.
local places = setmetatable({}, { __mode = "k" })

-- Milliseconds of "yyyy-mm-dd hh:mm:ss"; numbers are milliseconds already.
local function instant(limit)
  if type(limit) ~= "string" then return limit end
  local year, month, day, hour, minute, second = string.match(limit, "^(%d+)-(%d+)-(%d+)%s+(%d+):(%d+):(%d+)")
  if not year then return tonumber(limit) end
  return os.time { year = year, month = month, day = day, hour = hour, min = minute, sec = second } * 1000
end

local function limits(pt)
  if pt.baseType == "DATETIME" then
    local now = os.time() * 1000
    return instant(pt.minValue) or now, instant(pt.maxValue) or now + 86400000, (tonumber(pt.step) or 1) * 1000
  end
  return tonumber(pt.minValue) or 0, tonumber(pt.maxValue) or 100, tonumber(pt.step) or 1
end

-- One step up; above the end again from the beginning.
local function climb(pt)
  local low, high, step = limits(pt)
  local at = (places[pt] or low) + step
  if at > high then at = low end
  places[pt] = at
  return at
end

-- A whole number between the limits; whole seconds of a time.
local function draw(pt)
  local low, high = limits(pt)
  local unit = pt.baseType == "DATETIME" and 1000 or 1
  return low + math.floor(math.random() * (math.floor((high - low) / unit) + 1)) * unit
end

local functions = {
  ramp = climb,
  random = draw,
  sin = function(pt) return math.sin(math.rad(climb(pt))) end,
  cos = function(pt) return math.cos(math.rad(climb(pt))) end,
  square = function(pt)
    local low, high = limits(pt)
    places[pt] = places[pt] ~= high and high or low
    return places[pt]
  end,
}

-- Printable characters, as many as a number between the limits says.
local function text(pt)
  local made = {}
  for i = 1, math.min(draw(pt), 100000) do made[i] = string.char(math.random(32, 126)) end
  return table.concat(made)
end

local function place(pt, kind, generate)
  if kind == "random" then
    return { latitude = math.random(-90, 90), longitude = math.random(-180, 180), elevation = math.random(0, 10000) }
  end
  return { latitude = 0, longitude = 0, elevation = generate(pt) }
end

-- The next value; nothing for a type or a function that there is not.
local function generated(pt, kind)
  local generate, base_type = functions[kind], pt.baseType
  if not generate then return nil end
  if base_type == "LOCATION" then return place(pt, kind, generate) end
  if base_type == "STRING" then return kind == "random" and text(pt) or tostring(generate(pt)) end
  if base_type == "DATETIME" then return math.floor(generate(pt)) end
  if base_type == "NUMBER" or base_type == "INTEGER" then return generate(pt) end
end

function read(me, pt)
  local kind = string.lower(tostring(pt.functionType))
  if kind == "user" then return memory.read(me, pt) end
  local value = generated(pt, kind)
  if value == nil then return 200 end
  pt.value = value
  pt.time = os.time() * 1000
  local good = tonumber(pt.qualityPercent) or 100
  pt.quality = math.random() * 100 < good and "GOOD" or pt.errorQualityStatus or "BAD"
  return 200
end

--- Keeps a value for the function `user`.
function write(me, pt, headers, query, data)
  memory.write(me, pt, headers, query, data)
  return 200, "Success"
end
