-- Keeps notes in a file. The name of the file is the setting `notes` of its entry in config.lua.
module("templates.notebook", thingworx.template.extend)

properties.lines = { baseType = "INTEGER", pushType = "VALUE", value = 0 }
properties.last = { baseType = "STRING", pushType = "VALUE", value = "" }

local function path() return p_data.notes or "notes.txt" end

-- What the file holds, as text and as number of lines with the last of them.
local function read()
  local file = io.open(path(), "r")
  if not file then return "", 0, "" end
  local text = file:read("*a")
  file:close()
  local lines, last = 0, ""
  for line in text:gmatch("([^\n]*)\n") do
    lines, last = lines + 1, line
  end
  return text, lines, last
end

local function show(me)
  local _, lines, last = read()
  me:setProperty("lines", nil, nil, { value = lines })
  me:setProperty("last", nil, nil, { value = last })
  return lines
end

serviceDefinitions.Write(
  input { name = "text", baseType = "STRING", description = "one line" },
  output { baseType = "INTEGER", description = "how many lines there are now" },
  description { "Adds a line" }
)
services.Write = function(me, headers, query, data)
  if not data.text then return 400, "text is missing" end
  local file, reason = io.open(path(), "a")
  if not file then return 500, reason end
  file:write((data.text:gsub("\n", " ")), "\n")
  file:close()
  return 200, show(me)
end

serviceDefinitions.Read(output { baseType = "STRING", description = "" }, description { "All lines" })
services.Read = function()
  return 200, (read())
end

-- The file may change under our hands.
tasks.look = show
