-- A thing with the properties and services of the recorded exchanges (tests/data/vectors/lsr-http.json).
module("templates.edge_thing", thingworx.template.extend)

local XML = '<?xml version="1.0" encoding="utf-8" standalone="no"?><Root><Child>Test</Child></Root>'
local SITE = "http://www.thingworx.com"

local values = {
  Boolean = true, Datetime = os.time() * 1000, GroupName = "Administrators",
  HTML = "<html><body><h1>Default Value</h1></body></html>", Hyperlink = SITE, Image = "", Imagelink = SITE, Integer = 1,
  Json = "{}", Location = { latitude = 40.03, longitude = -75.62, elevation = 103 }, MashupName = "MashupName",
  MenuName = "MenuName", Number = 1, Query = "{}", String = "Default value 1", Text = "Default value 1",
  ThingName = "ThingName", UserName = "UserName", XML = XML,
}

local fields = {}
for name in pairs(values) do fields[#fields + 1] = { name = name, baseType = name:upper() } end
dataShapes.AllPropertyBaseTypes(unpack(fields))
dataShapes.MeterReading(
  { name = "Status", baseType = "STRING" }, { name = "Readout", baseType = "TEXT" }, { name = "Temp", baseType = "INTEGER" },
  { name = "Amps", baseType = "NUMBER" }, { name = "Location", baseType = "LOCATION" }
)

for name, value in pairs(values) do
  properties["InMemory_" .. name] = { baseType = name:upper(), pushType = "NEVER", value = value }
  serviceDefinitions["Push_" .. name](
    input { name = "value", baseType = name:upper(), description = "" }, output { baseType = name:upper(), description = "" }
  )
  services["Push_" .. name] = function(me, headers, query, data) return 200, data.value end
end
properties.InMemory_InfoTable = { baseType = "INFOTABLE", pushType = "NEVER", dataShape = "AllPropertyBaseTypes" }

local SHAPE = { dataShape = "AllPropertyBaseTypes" }
serviceDefinitions.Push_InfoTable(
  input { name = "value", baseType = "INFOTABLE", description = "", aspects = SHAPE },
  output { baseType = "INFOTABLE", description = "", aspects = SHAPE }
)
services.Push_InfoTable = function(me, headers, query, data)
  local made = tw_infotable.createInfoTable(DataShape.AllPropertyBaseTypes:clone())
  for _, row in ipairs(data.value.rows) do made:addRow(row) end
  return 200, made
end

serviceDefinitions.Add(
  input { name = "p1", baseType = "NUMBER", description = "The first addend of the operation" },
  input { name = "p2", baseType = "NUMBER", description = "The second addend of the operation" },
  output { baseType = "NUMBER", description = "The sum of the two parameters" },
  description { "Adds two numbers" }
)
services.Add = function(me, headers, query, data)
  if not data.p1 or not data.p2 then return 400, "You must provide the parameters p1 and p2" end
  return 200, data.p1 + data.p2
end

serviceDefinitions.WhatTimeIsIt(output { baseType = "DATETIME", description = "" })
services.WhatTimeIsIt = function() return 200, os.time() * 1000 end

serviceDefinitions.WhereAmI(output { baseType = "LOCATION", description = "" })
services.WhereAmI = function() return 200, { latitude = 40.033056, longitude = -75.627778, elevation = 338 } end

serviceDefinitions.GetMeterReading(output { baseType = "INFOTABLE", description = "", aspects = { dataShape = "MeterReading" } })
services.GetMeterReading = function()
  local made = tw_infotable.createInfoTable(DataShape.MeterReading:clone())
  made:addRow {
    Status = "Running", Readout = "Monitoring all systems", Temp = 82, Amps = 15,
    Location = { latitude = 43.156803, longitude = -77.607443, elevation = 505 },
  }
  return 200, made
end

serviceDefinitions.StringRepeat(
  input { name = "str", baseType = "STRING", description = "The string to repeat" },
  input { name = "size", baseType = "NUMBER", description = "Size of the response, in KB" },
  output { baseType = "STRING", description = "A long string" }
)
services.StringRepeat = function(me, headers, query, data) return 200, data.str:rep(data.size) end

serviceDefinitions.ServiceCallFromServer(
  input { name = "stringData", baseType = "STRING", description = "String data" },
  input { name = "integerData", baseType = "INTEGER", description = "Integer data" },
  output { baseType = "NOTHING", description = "" }
)
services.ServiceCallFromServer = function() return 200 end
