-- A plain script with the callbacks of the recorded exchanges.
require "json"

local size, mass = 200, 500

function text() return 200, "size = " .. size .. ", mass = " .. mass end
function echo(method, path, headers, query, data)
  local given = json.decode(data.content)
  return 200, { ["content-type"] = "application/json" }, json.encode { size = given.size, mass = given.mass }
end

tw_http.registerCallback("/generate/text", "text")
tw_http.registerCallback("/generate/json", "echo")
while p_data.run do tw_utils.psleep(1000) end
