-- Functions in `table`, and `orderedPairs` (script resource notes, 3.11). Tables in themselves end in an error.

local DEEPEST = 100

local function check_depth(depth)
  if depth > DEEPEST then error("tables are nested deeper than " .. DEEPEST, 3) end
end

-- Numbers before texts before all others.
local function before(a, b)
  local x, y = type(a), type(b)
  if x ~= y then
    if x == "number" or y == "number" then return x == "number" end
    if x == "string" or y == "string" then return x == "string" end
    return x < y
  end
  if x == "number" or x == "string" then return a < b end
  return tostring(a) < tostring(b)
end

local function sorted_keys(t, compare)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys, compare or before)
  return keys
end

--- Iterates over `t` in the order of its keys; `compare(a, b)` says whether key a comes first.
function orderedPairs(t, compare)
  local keys, i = sorted_keys(t, compare), 0
  return function()
    i = i + 1
    local key = keys[i]
    if key ~= nil then return key, t[key] end
  end
end

local orderedPairs = orderedPairs

--- A copy of everything in `t`; tables that occur twice do so in the copy too.
function table.fullCopy(t, seen)
  if type(t) ~= "table" then return t end
  seen = seen or {}
  if seen[t] then return seen[t] end
  local copy = {}
  seen[t] = copy
  for key, value in pairs(t) do copy[table.fullCopy(key, seen)] = table.fullCopy(value, seen) end
  return setmetatable(copy, getmetatable(t))
end

--- Adds to `target` what it does not have of `source`, and returns it; nothing for anything but tables.
function table.sparseCopy(target, source)
  if type(target) ~= "table" or type(source) ~= "table" then return end
  for key, value in pairs(source) do
    if target[key] == nil then target[key] = table.fullCopy(value) end
  end
  return target
end

--- `t` if it has that key, else nil.
function table.containsKey(t, key)
  if type(t) == "table" and key ~= nil and t[key] ~= nil then return t end
  return nil
end

--- `t` if it has that value, else nil.
function table.containsValue(t, value)
  if type(t) ~= "table" then return nil end
  for _, other in pairs(t) do
    if other == value then return t end
  end
  return nil
end

local function flatten(t, prefix, into, depth)
  check_depth(depth)
  for key, value in pairs(t) do
    local name = prefix .. tostring(key)
    if type(value) == "table" then
      flatten(value, name .. ".", into, depth + 1)
    else
      into[name] = value
    end
  end
  return into
end

--- One table with names such as `a.b.c` for what is in tables in tables.
function table.toFlatTable(t, prefix)
  if type(t) ~= "table" then return t end
  return flatten(t, prefix and prefix .. "." or "", {}, 1)
end

-- Names of the flat table, the last first, as the original has them.
local function flat_names(t, prefix)
  local flat = table.toFlatTable(t, prefix)
  return sorted_keys(flat, function(a, b) return a > b end), flat
end

--- Lines such as `a.b=1`; `options.delim` instead of `=`. A value with a delimiter in it is quoted.
function table.toString(t, prefix, options)
  if type(t) ~= "table" then return tostring(t) end
  local delim = options and options.delim or "="
  local names, flat = flat_names(t, prefix)
  local out = {}
  for _, name in ipairs(names) do
    local text = tostring(flat[name])
    if string.find(text, delim, 1, true) then text = '"' .. text .. '"' end
    out[#out + 1] = name .. delim .. text .. "\n"
  end
  return table.concat(out)
end

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ["'"] = "&#39;", ['"'] = "&quot;" }

local function escaped(value)
  return (string.gsub(tostring(value), "[&<>'\"]", ENTITIES))
end

local function xml(name, value, depth)
  check_depth(depth)
  local indent = depth == 0 and "" or string.rep(" ", depth + 1)
  if type(value) ~= "table" then
    return string.format("%s<%s>%s</%s>\n", indent, name, escaped(value), name)
  end
  local out = { string.format("%s<%s>\n", indent, name) }
  for key, inner in orderedPairs(value) do
    out[#out + 1] = xml(tostring(key), inner, depth + 1) .. "\n"
  end
  out[#out + 1] = string.format("%s</%s>\n", indent, name)
  return table.concat(out)
end

--- An element called `name` with an element for each entry of `value`.
function table.toXml(name, value) return xml(tostring(name), value, 0) end

--- The values in one line, each with a comma behind it; with `options.headers` their names in a line before.
function table.toCsv(t, prefix, options)
  if type(t) ~= "table" then return tostring(t) end
  local names, flat = flat_names(t, prefix)
  local out = {}
  if options and options.headers then
    for _, name in ipairs(names) do out[#out + 1] = name .. "," end
    out[#out + 1] = "\n"
  end
  for _, name in ipairs(names) do
    local text = tostring(flat[name])
    if string.find(text, '[,"\r\n]') then
      out[#out + 1] = '"' .. string.gsub(text, '"', '""') .. '", '
    else
      out[#out + 1] = text .. ","
    end
  end
  return table.concat(out)
end

--- A table of two columns; what is a table itself is a link below `root`.
function table.toHtml(t, root)
  if type(t) ~= "table" then return escaped(t) end
  local out = { "<table class='palantiriTable'>\n" }
  for key, value in orderedPairs(t) do
    local name = escaped(key)
    local cells = string.format("<td>%s</td><td>%s</td>", name, escaped(value))
    if type(value) == "table" then
      cells = string.format("<td><a href='%s/%s'>%s</a></td>", escaped(root or ""), name, name)
    end
    out[#out + 1] = "<tr class='palantiriRow'>" .. cells .. "</tr>\n"
  end
  out[#out + 1] = "</table>\n"
  return table.concat(out)
end

--- `t` as text of that content type. `query` is not looked at.
function table.toContentTypeString(t, content_type, query, prefix, root)
  local kind = string.lower(string.match(content_type or "", "^%s*([^;%s]*)"))
  if kind == "text/xml" or kind == "application/xml" then
    return '<?xml version="1.0" encoding="UTF-8"?>\n' .. table.toXml(prefix or root or "root", t)
  end
  if kind == "text/html" then return table.toHtml(t, root or prefix) end
  if kind == "text/csv" then return table.toCsv(t, prefix) end
  if kind == "text/x-lua-table" then return tw_utils.serializeTable(t) end
  if kind == "application/json" then return json.encode(t) end
  return table.toString(t, prefix)
end

-- The cell that begins at `at`, and where the next one or the end of the line is.
local function csv_cell(text, at)
  if string.sub(text, at, at) ~= '"' then
    local cell = string.match(text, "^[^,\r\n]*", at)
    return cell, at + #cell
  end
  local out = {}
  at = at + 1
  while true do
    local quote = string.find(text, '"', at, true)
    if not quote then
      out[#out + 1] = string.sub(text, at)
      return table.concat(out), #text + 1
    end
    out[#out + 1] = string.sub(text, at, quote - 1)
    at = quote + 1
    if string.sub(text, at, at) ~= '"' then return table.concat(out), at end
    out[#out + 1] = '"'
    at = at + 1
  end
end

-- The cells of the line that begins at `at`, and where the next line begins.
local function csv_line(text, at)
  local cells, cell = {}
  while true do
    cell, at = csv_cell(text, at)
    cells[#cells + 1] = cell
    -- What stands behind a closing quote belongs to no cell.
    at = string.find(text, "[,\r\n]", at) or #text + 1
    if string.sub(text, at, at) ~= "," then break end
    at = at + 1
  end
  return cells, string.match(text, "^\r?\n?()", at)
end

--- The lines of `text`, each an array of cells, or with `header` a table by the names in the first line. With a
--- `name_column`, a number or a name of the header, lines are found by the cell there.
function table.fromCsv(text, name_column, header)
  if type(text) ~= "string" then return nil end
  local rows, names = {}, nil
  local at = 1
  while at <= #text do
    local cells
    cells, at = csv_line(text, at)
    if header and not names then
      names = cells
    else
      local row = cells
      if names then
        row = {}
        for i, name in ipairs(names) do row[name] = cells[i] end
      end
      local key = name_column and (row[name_column] or cells[tonumber(name_column)])
      rows[key or #rows + 1] = row
    end
  end
  return rows
end
