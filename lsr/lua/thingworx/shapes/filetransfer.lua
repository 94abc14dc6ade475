-- Templates require this shape, as the original's guide tells them to; it was missing there (script resource notes, 3.11).
-- File transfer itself belongs to the gateway.

module("shapes.filetransfer", thingworx.shape.extend)
