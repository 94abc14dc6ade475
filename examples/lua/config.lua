-- Three things behind a gateway on this machine. Start the script resource with
--   edgebind lsr -cfg examples/lua/config.lua
-- The folder of this file is where templates are looked for: custom/templates/.

scripts.log_level = "INFO"

-- The gateway: its http_server.
scripts.rap_host = "localhost"
scripts.rap_port = 8000
scripts.rap_ssl = false
scripts.rap_server_authenticate = false

-- Where this script resource listens; the gateway is told so when the things register.
scripts.script_resource_host = "localhost"
scripts.script_resource_port = 8001
scripts.script_resource_ssl = false
scripts.script_resource_authenticate = false

-- The name of an entry is the name of the thing; every further key is a setting that its template finds in p_data.
scripts.Sensor = { file = "thing.lua", template = "sensor", scanRate = 1000, scanRateResolution = 500 }
scripts.Machine = { file = "thing.lua", template = "machine", scanRate = 2000, taskRate = 1000 }
scripts.Notebook = { file = "thing.lua", template = "notebook", notes = "/tmp/edgebind-notes.txt" }
