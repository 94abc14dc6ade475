-- `dataShapes.Name(field, ...)` and `DataShape.Name` (script resource notes, 3.12).

DataShape = DataShape or {}

local shapes, tw_datashape = DataShape, tw_datashape

local function define(name, ...)
  local shape
  for i = 1, select("#", ...) do
    local field = select(i, ...)
    if type(field) == "table" and field.name ~= nil then
      local base_type = field.baseType or field.basetype or "STRING"
      if shape then
        shape:addField(field.name, base_type, field.description, field.aspects)
      else
        shape = tw_datashape.createDataShape(field.name, base_type, field.description, field.aspects)
      end
    end
  end
  shapes[name] = shape
  return shape
end

dataShapes = setmetatable({}, {
  __index = function(_, name) return function(...) return define(name, ...) end end,
})
