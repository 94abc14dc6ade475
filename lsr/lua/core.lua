-- What every script may count on after `require "core"` (script resource notes, 3.11).

require "json"
require "stringx"
require "tablex"

--- Starts a script unless there is one of that name, and waits until it runs, at most `timeout` milliseconds (3.4).
-- Returns whether it runs.
function tw_script.loadScriptFromFile(name, file, timeout)
  if not pcall(tw_script.getStatus, name) then tw_script.addScript(name, file) end
  local waited = 0
  while tw_script.getStatus(name) ~= "Running" do
    if waited >= (timeout or 30000) or not p_data.run then return false end
    tw_utils.psleep(20)
    waited = waited + 20
  end
  return true
end
