-- What every script may count on after `require "core"` (script resource notes, 3.11).

require "json"
require "stringx"
require "tablex"
