-- Reads and writes a property over HTTP (script resource notes, 7.4). The property's `key` is `host[:port]/path[?query]`.

module("handlers.http", thingworx.handler.extend)

-- Loaded here, since the name `handlers` is not known in this environment.
local script = require "handlers.script"

--- Port of a key without one.
port = 80

local function address(key, default_port)
  local host, path = string.match(key, "^([^/]+)(.*)$")
  local name, number = string.match(host, "^(.*):(%d+)$")
  return name or host, number or default_port, path == "" and "/" or path
end

-- As the original: the headers stand where the code belongs, so whoever looks at it finds a failure.
local function failed(headers)
  return headers or {}, 500
end

function readAt(default_port, me, pt)
  local host, number, path = address(pt.key, default_port)
  local text, code, headers = tw_http.get(host, number, path)
  if code ~= 200 then
    pt.quality = "UNKNOWN"
    return failed(headers)
  end
  script.accept(pt, text)
  return 200
end

function writeAt(default_port, me, pt, headers, query, data)
  local host, number, path = address(pt.key, default_port)
  local _, code, answered = tw_http.put(host, number, path, json.encode(data))
  if code ~= 200 then return failed(answered) end
  return 200
end

function read(me, pt) return readAt(port, me, pt) end
function write(me, pt, headers, query, data) return writeAt(port, me, pt, headers, query, data) end
