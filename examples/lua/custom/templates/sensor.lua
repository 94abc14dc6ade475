-- A sensor without hardware: its values come from the handler `generator`.
module("templates.sensor", thingworx.template.extend)

-- Pushed when it has moved by more than half a degree since the read before.
properties.temperature = {
  baseType = "NUMBER", pushType = "VALUE", pushThreshold = 0.5, description = "degrees Celsius",
  handler = "generator", functionType = "random", minValue = 18, maxValue = 24,
}

-- A sine: -1 to 1 in steps of a degree.
properties.level = {
  baseType = "NUMBER", pushType = "ALWAYS", handler = "generator", functionType = "sin", minValue = 0, maxValue = 360, step = 10,
}

properties.door = {
  baseType = "INTEGER", pushType = "VALUE", handler = "generator", functionType = "square", minValue = 0, maxValue = 1,
  scanRate = 5000,
}
