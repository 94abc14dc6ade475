-- What the simulated agents have, in Lua: the device of the scenarios.
module("templates.device", thingworx.template.extend)

properties.temperature = {
  baseType = "NUMBER", pushType = "VALUE", handler = "generator", functionType = "ramp", minValue = 20, maxValue = 1e9,
}
properties.count = {
  baseType = "INTEGER", pushType = "VALUE", handler = "generator", functionType = "ramp", minValue = 0, maxValue = 1e9,
}
properties.running = { baseType = "BOOLEAN", pushType = "VALUE", value = true }
properties.label = { baseType = "STRING", pushType = "VALUE", value = "new" }

serviceDefinitions.Add(
  input { name = "a", baseType = "NUMBER" }, input { name = "b", baseType = "NUMBER" },
  output { baseType = "NUMBER", description = "the sum" }
)
services.Add = function(me, headers, query, data) return 200, data.a + data.b end

serviceDefinitions.Echo(input { name = "text", baseType = "STRING" }, output { baseType = "STRING", description = "" })
services.Echo = function(me, headers, query, data) return 200, data.text end

serviceDefinitions.Slow(input { name = "ms", baseType = "NUMBER" }, output { baseType = "INTEGER", description = "" })
services.Slow = function(me, headers, query, data)
  tw_utils.psleep(data.ms)
  return 200, data.ms
end

serviceDefinitions.Fail(output { baseType = "NOTHING", description = "" })
services.Fail = function() return 500, "it failed" end
