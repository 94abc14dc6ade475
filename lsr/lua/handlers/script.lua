-- Reads and writes a property through the callback of another script (script resource notes, 7.4).
-- The property's `key` is `<script>/<path>[?query]`.

module("handlers.script", thingworx.handler.extend)

-- Path and query of a key. Without a key the search itself raises the error.
local function split(key)
  if string.find(key, "?", 1, true) then return tw_utils.parseQueryParams(key) end
  return key, {}
end

-- The script of a key and the path in it. A leading slash is not taken off and makes an empty first segment there.
local function address(key)
  local slash, script, path = string.match(key, "^(/?)([^/?]+)/?(.*)$")
  return script, slash .. path
end

-- The member that holds the value.
local function pick(t, name)
  for _, member in ipairs { name, "value", "result" } do
    if t[member] ~= nil then return t[member] end
  end
  local _, value = next(t)
  return value
end

--- Takes the value from the answer of whoever holds it. Text that is no JSON leaves the value as it was.
function accept(pt, text)
  local ok, t = pcall(json.decode, text)
  if not ok then
    pt.quality = "UNKNOWN"
    return
  end
  if type(t) == "table" then
    local value = pick(t, pt.name)
    if value ~= nil then pt.value = value end
  else
    t, pt.value = {}, text
  end
  pt.time = t.time or os.time() * 1000
  pt.quality = t.quality or "GOOD"
end

function readFrom(script, key, me, pt)
  local path, parameters = split(key)
  local code, text = tw_script.executeCallback(script, pt.getMethod or "GET", path, {}, parameters)
  if code ~= 200 then
    pt.quality = "UNKNOWN"
    return code, text
  end
  accept(pt, text)
  return 200
end

function writeTo(script, key, me, pt, headers, query, data)
  local path, parameters = split(key)
  local content = json.encode(data)
  local code, text = tw_script.executeCallback(script, pt.setMethod or "PUT", path, {}, parameters, { content = content })
  if code ~= 200 then return code, text end
  return 200
end

function read(me, pt, headers, query)
  local script, path = address(pt.key)
  return readFrom(script, path, me, pt, headers, query)
end

function write(me, pt, headers, query, data)
  local script, path = address(pt.key)
  return writeTo(script, path, me, pt, headers, query, data)
end
