-- Keeps a property's value in memory: a write waits as `next` until the next read takes it (script resource notes, 7.4).

module("handlers.inmemory", thingworx.handler.extend)

function read(me, pt)
  local pending = pt.next
  if pending then
    pt.value, pt.time, pt.quality, pt.next = pending.value, pending.time, pending.quality, nil
  end
  return 200
end

function write(me, pt, headers, query, data)
  pt.next = { value = data.value, time = os.time() * 1000, quality = data.quality or "GOOD" }
  return 200
end
