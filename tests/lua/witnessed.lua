-- A thing with one property, of which every value is written down.
module("templates.witnessed", thingworx.template.extend)

properties.count = { baseType = "INTEGER", pushType = "ALWAYS", handler = "witness" }
