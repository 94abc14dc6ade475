-- A handler that writes down every value that it hands to a scan: what the thing must get to the platform.
module("handlers.witness", thingworx.handler.extend)

local count = 0

function read(me, pt)
  count = count + 1
  pt.value, pt.time, pt.quality = count, os.time() * 1000 + count % 1000, "GOOD"
  local book = io.open(me.book, "a")
  book:write(string.format("%d %.0f\n", pt.value, pt.time))
  book:close()
  return 200
end
