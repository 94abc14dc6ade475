-- Loads a module when it is first needed, from several requests at a time if need be: `require` takes a second request that
-- comes while the first one loads for a module that requires itself.

local loaded = {}

return function(name)
  local module = loaded[name]
  if module then return module end
  for _, loader in ipairs(package.loaders) do
    local load = loader(name)
    if type(load) == "function" then
      module = load(name)
      loaded[name] = loaded[name] or module
      return loaded[name]
    end
  end
  error("module '" .. name .. "' not found", 2)
end
