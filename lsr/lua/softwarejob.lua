-- `thingworx.softwarejob` (script resource notes, 3.11): software updates are refused by the swupdate shape, so a job only
-- holds what it is given.

local setmetatable = setmetatable

module "thingworx.softwarejob"

--- A job with the fields of `job`.
function new(self, job)
  return setmetatable(job or {}, { __index = self })
end
