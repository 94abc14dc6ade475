-- The body of a push (script resource notes, 4.5). A row is encoded when its value was read, so that a row that has to
-- wait keeps the value of that moment.

local M = {}

local HEAD = '{"rows":[{"values":{"rows":['
local TAIL = '],"dataShape":{"fieldDefinitions":{'
  .. '"name":{"name":"name","baseType":"STRING","aspects":[]},"time":{"name":"time","baseType":"DATETIME","aspects":[]},'
  .. '"quality":{"name":"quality","baseType":"STRING","aspects":[]},"value":{"name":"value","baseType":"VARIANT","aspects":[]}}}}}],'
  .. '"dataShape":{"fieldDefinitions":{"values":{"name":"values","baseType":"INFOTABLE","aspects":[]}}}}'

--- One property as a row; an error if its value cannot be said in JSON.
function M.encode(pt)
  local value = pt.value
  if type(value) == "userdata" then value = value:toTable() end
  return json.encode {
    name = pt.name, time = pt.time, quality = pt.quality, value = { baseType = pt.baseType or "STRING", value = value },
  }
end

--- The body for at most `size` of the encoded rows from `from` on.
function M.batch(encoded, from, size)
  local to = math.min(#encoded, from + size - 1)
  return HEAD .. table.concat(encoded, ",", from, to) .. TAIL
end

--- Whether a push with that answer has not to be repeated: 202 says that the gateway has it on disk.
function M.accepted(code)
  return code == 200 or code == 202
end

return M
