-- `stringx`, and `split` as a method of strings (script resource notes, 3.11).

local string = string

module "stringx"

--- Cuts `s` at the characters of `delims`, white space without it, leaving out empty pieces: an array and its length.
--- Nothing for what is no text.
function stringToTable(s, delims)
  if s == nil then return end
  local set = "%s"
  if delims ~= nil and delims ~= "" then set = string.gsub(delims, "%W", "%%%0") end
  local pieces, count = {}, 0
  for piece in string.gmatch(s, "[^" .. set .. "]+") do
    count = count + 1
    pieces[count] = piece
  end
  return pieces, count
end

split = stringToTable
string.split = stringToTable
