-- A machine: services start and stop it, a task lets it work, an event says that a box is full.
module("templates.machine", thingworx.template.extend)

local BOX = 10

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
  local speed = data.speed or 1
  if speed < 1 or speed > 5 then return 400, "speed has to be between 1 and 5" end
  -- setProperty, not properties.speed.value = ...: the platform is to see it with the next scan.
  me:setProperty("speed", headers, query, { value = speed })
  me:setProperty("running", headers, query, { value = true })
  return 200, true
end

serviceDefinitions.Stop(output { baseType = "NOTHING", description = "" }, description { "Stops the machine" })
services.Stop = function(me, headers, query)
  me:setProperty("speed", headers, query, { value = 0 })
  me:setProperty("running", headers, query, { value = false })
  return 200
end

serviceDefinitions.Report(
  output { baseType = "INFOTABLE", description = "", aspects = { dataShape = "MachineReport" } },
  description { "How many parts, and how many of them fill boxes" }
)
services.Report = function(me)
  local parts = properties.parts.value
  local report = tw_infotable.createInfoTable(DataShape.MachineReport:clone())
  report:addRow { what = "parts", value = parts }
  report:addRow { what = "boxes", value = math.floor(parts / BOX) }
  return 200, report
end

-- Once in taskRate.
tasks.work = function(me)
  if not properties.running.value then return end
  local before = properties.parts.value
  local now = before + properties.speed.value
  me:setProperty("parts", nil, nil, { value = now })
  if math.floor(now / BOX) > math.floor(before / BOX) then
    local code, text = server.fireEvent("BoxFull", { parts = now })
    if code ~= 200 and code ~= 202 then log.warn(me.name, "BoxFull was not taken: %d %s", code, text) end
  end
end
