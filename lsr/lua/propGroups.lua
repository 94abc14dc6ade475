-- `propGroups`: parts of a table of properties (script resource notes, 3.11).

local pairs, string, tostring, type = pairs, string, tostring, type

module "propGroups"

--- Those of `items` for which `f(name, item)` is true; `f` may also be a pattern for the name.
function getGroup(f, items)
  local wanted = f
  if type(f) ~= "function" then
    local pattern = tostring(f)
    wanted = function(name) return string.find(tostring(name), pattern) end
  end
  local group = {}
  for name, item in pairs(items or {}) do
    if wanted(name, item) then group[name] = item end
  end
  return group
end
