-- The software-update shape (script resource notes, 5.2): it loads, and its services say that updates are not supported.

module("shapes.swupdate", thingworx.shape.extend)

local function unsupported()
  return 501, "Software update is not supported"
end

for _, service in ipairs { "TriggerUpdateAction", "ScheduleDownload", "ScheduleInstall", "Now" } do
  services[service] = unsupported
  serviceDefinitions[service](output { baseType = "NOTHING", description = "" })
end
