-- `page`: HTML for the answers of callbacks (script resource notes, 3.11). Contents go in as they are, so that they may
-- be HTML.

local ipairs, select, setmetatable, string, table, tostring, type = ipairs, select, setmetatable, string, table, tostring, type

module "page"

local STYLE = "body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}td,th{border:1px solid #999;padding:.2em .6em}"

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ["'"] = "&#39;", ['"'] = "&quot;" }

local function escaped(text) return (string.gsub(tostring(text), "[&<>'\"]", ENTITIES)) end

-- A text without arguments is no format, so that a percent sign in it does no harm.
local function formatted(text, ...)
  if select("#", ...) == 0 then return tostring(text) end
  return string.format(text, ...)
end

local function attributes(id, class)
  local out = ""
  if id then out = out .. string.format(" id='%s'", escaped(id)) end
  if class then out = out .. string.format(" class='%s'", escaped(class)) end
  return out
end

--- A new page: `page:new("Title")`.
function new(self, title)
  return setmetatable({ title = title or "", head = {}, content = {} }, { __index = self })
end

--- Adds to the head of the page, by the rules of `string.format`.
function addHeadContent(self, text, ...) self.head[#self.head + 1] = formatted(text, ...) end

--- Adds to the body of the page, by the rules of `string.format`.
function addContent(self, text, ...) self.content[#self.content + 1] = formatted(text, ...) end

--- The HTML of an array of rows.
function render_table(rows, id, class, headers)
  local out = { "<table" .. attributes(id, class) .. ">\n" }
  local function line(cells, tag)
    out[#out + 1] = "<tr>"
    for _, cell in ipairs(type(cells) == "table" and cells or { cells }) do
      out[#out + 1] = string.format("<%s>%s</%s>", tag, tostring(cell), tag)
    end
    out[#out + 1] = "</tr>\n"
  end
  if headers then line(headers, "th") end
  for _, row in ipairs(rows or {}) do line(row, "td") end
  out[#out + 1] = "</table>\n"
  return table.concat(out)
end

--- The HTML of an array of items.
function render_list(items, ordered, id, class)
  local tag = ordered and "ol" or "ul"
  local out = { "<" .. tag .. attributes(id, class) .. ">\n" }
  for _, item in ipairs(items or {}) do out[#out + 1] = "<li>" .. tostring(item) .. "</li>\n" end
  out[#out + 1] = "</" .. tag .. ">\n"
  return table.concat(out)
end

--- Adds an array of rows.
function addTable(self, rows, id, class, headers)
  self.content[#self.content + 1] = render_table(rows, id, class, headers)
end

--- Adds an array of items, numbered or not.
function addList(self, items, ordered, id, class)
  self.content[#self.content + 1] = render_list(items, ordered, id, class)
end

local REDIRECTIONS = { [301] = true, [302] = true, [303] = true }

--- Code, headers and text, for a callback to return. With a message it is a page about that code; with 301, 302 or 303
--- the message is where to go.
function render(self, code, message, description)
  code = code or 200
  if REDIRECTIONS[code] then return code, { Location = message, Connection = "close" }, "" end
  local body = table.concat(self.content, "\n")
  if message then
    body = string.format("<h1>Status: %s</h1>\n<h2>%s</h2>\n<p>%s</p>\n%s", tostring(code), escaped(message),
      escaped(description or ""), body)
  end
  local text = string.format(
    "<!DOCTYPE html>\n<html>\n<head>\n<meta charset='utf-8'>\n<title>%s</title>\n<style>%s</style>\n%s\n</head>\n"
      .. "<body>\n%s\n</body>\n</html>\n",
    escaped(self.title), STYLE, table.concat(self.head, "\n"), body)
  return code, { ["Content-Type"] = "text/html" }, text
end
