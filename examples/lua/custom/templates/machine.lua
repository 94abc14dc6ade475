-- A machine: services start and stop it, a task lets it work, an event says that a box is full.
module("templates.machine", thingworx.template.extend)

local BOX = 10

-- What is so. The properties show it: a value that was set is in the property's table with the next read only.
local speed, parts = 0, 0

dataShapes.MachineReport(
  { name = "what", baseType = "STRING" },
  { name = "value", baseType = "NUMBER" }
)

properties.running = { baseType = "BOOLEAN", pushType = "VALUE", value = false }
properties.speed = { baseType = "NUMBER", pushType = "VALUE", value = 0, description = "parts per second" }
properties.parts = { baseType = "INTEGER", pushType = "VALUE", value = 0 }

serviceDefinitions.Start(
  input { name = "speed", baseType = "NUMBER", description = "parts per second, 1 to 5" },
  output { baseType = "BOOLEAN", description = "whether it runs" },
  description { "Starts the machine" }
)
services.Start = function(me, headers, query, data)
  local wanted = data.speed or 1
  if wanted < 1 or wanted > 5 then return 400, "speed has to be between 1 and 5" end
  speed = wanted
  -- setProperty, not properties.speed.value = ...: the platform is to see it with the next scan.
  me:setProperty("speed", headers, query, { value = speed })
  me:setProperty("running", headers, query, { value = true })
  return 200, true
end

serviceDefinitions.Stop(output { baseType = "NOTHING", description = "" }, description { "Stops the machine" })
services.Stop = function(me, headers, query)
  speed = 0
  me:setProperty("speed", headers, query, { value = 0 })
  me:setProperty("running", headers, query, { value = false })
  return 200
end

serviceDefinitions.Report(
  output { baseType = "INFOTABLE", description = "", aspects = { dataShape = "MachineReport" } },
  description { "How many parts, and how many of them fill boxes" }
)
services.Report = function(me)
  local report = tw_infotable.createInfoTable(DataShape.MachineReport:clone())
  report:addRow { what = "parts", value = parts }
  report:addRow { what = "boxes", value = math.floor(parts / BOX) }
  return 200, report
end

-- Once in taskRate.
tasks.work = function(me)
  if speed == 0 then return end
  local boxes = math.floor(parts / BOX)
  parts = parts + speed
  me:setProperty("parts", nil, nil, { value = parts })
  if math.floor(parts / BOX) > boxes then
    local code, text = server.fireEvent("BoxFull", { parts = parts })
    if code ~= 200 and code ~= 202 then log.warn(me.name, "BoxFull was not taken: %d %s", code, text) end
  end
end
