-- What the host adds to a new state in Lua, because it calls functions of the script.

local write = ...
local tostring, select, concat = tostring, select, table.concat

-- Lua's own writes to a stream of C, which knows nothing of ours.
function print(...)
  local texts = {}
  for i = 1, select("#", ...) do texts[i] = tostring((select(i, ...))) end
  write(concat(texts, "\t") .. "\n")
end

-- A hook of a script would take the place of the one that hands over to other contexts and ends a killed one.
function debug.sethook() end
function debug.gethook() end
