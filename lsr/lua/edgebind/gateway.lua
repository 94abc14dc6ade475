-- The few things of the gateway that the runtime needs besides `thingworx.server` (script resource notes, 3.13).

local M = {}

local IS_CONNECTED = "/Thingworx/Things/LocalEms/Properties/isConnected"

-- The first row of an infotable in `body`, or nil.
local function first_row(body)
  local ok, answer = pcall(json.decode, body)
  local row = ok and type(answer) == "table" and type(answer.rows) == "table" and answer.rows[1]
  return type(row) == "table" and row or nil
end

--- The member `result`, or the one named, of the first row of an answer; nil without one.
function M.result(body, name)
  local row = first_row(body)
  if not row then return nil end
  if name and row[name] ~= nil then return row[name] end
  return row.result
end

--- Asks the gateway whether it is connected: whether it answers at all, and what.
function M.look()
  local body, code = tw_ems.get(IS_CONNECTED)
  local online = code == 200 and tw_utils.toboolean(M.result(body, "isConnected"))
  return code ~= 503 or online, online
end

--- Headers of a request with JSON.
function M.json_headers() return { ["content-type"] = "application/json" } end

return M
