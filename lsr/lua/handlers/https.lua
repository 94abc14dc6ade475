-- As `handlers.http`, over TLS: the port is 443 unless the key says another (script resource notes, 7.4).

module("handlers.https", thingworx.handler.extend)

local plain = require "handlers.http"

port = 443

function read(me, pt) return plain.readAt(port, me, pt) end
function write(me, pt, headers, query, data) return plain.writeAt(port, me, pt, headers, query, data) end
