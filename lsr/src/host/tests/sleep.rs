//! A callback that sleeps holds up nobody, wherever in Lua it sleeps.

use super::super::testing::{body, call, finished, with_scripts};

/// Functions that end only when another callback has set `released`, and what they return.
const SLEEPERS: &str = r#"
local function nap() while not released do tw_utils.psleep(1) end end
function plain() nap() return 200, "plain" end
function in_pcall() local ok, text = pcall(function() pcall(nap) return "pcall" end) return 200, text end
function in_sort()
  local t = {3, 1, 2}
  table.sort(t, function(a, b) nap() return a < b end)
  return 200, table.concat(t)
end
function in_gsub() return 200, (("abc"):gsub(".", function(c) nap() return c:upper() end)) end
function in_index()
  local t = setmetatable({}, {__index = function(_, key) nap() return key .. "!" end})
  return 200, t.foo
end
function in_iterator()
  local n = 0
  for _ in function() nap() n = n + 1 if n < 4 then return n end end do end
  return 200, n
end
function in_coroutine()
  local co = coroutine.wrap(function(a) nap() local b = coroutine.yield(a + 1) tw_utils.psleep(1) return b * 2 end)
  local x = co(1)
  tw_utils.psleep(1)
  return 200, x .. "," .. co(21)
end
function in_require()
  package.preload.slow = function() nap() return {v = 7} end
  local v = require("slow").v
  package.loaded.slow = nil
  return 200, v
end
function in_xpcall() return 200, tostring(select(2, xpcall(function() nap() error("x", 0) end, function(m) return m .. "y" end))) end
function in_tostring() return 200, tostring(setmetatable({}, {__tostring = function() nap() return "text" end})) end
function release() released = true return 200, "released" end
function inside() return 200, "inside" end
for _, name in ipairs {"plain", "in_pcall", "in_sort", "in_gsub", "in_index", "in_iterator", "in_coroutine", "in_require",
    "in_xpcall", "in_tostring", "release", "inside"} do
  tw_http.registerCallback("/" .. name, name)
end
while p_data.run do tw_utils.psleep(10) end
"#;

#[track_caller]
fn sleeps(name: &str, result: &str) {
    with_scripts(&[("s.lua", SLEEPERS)], async |host| {
        body(&host, "s", "inside").await;
        let (sleeper, released) = tokio::join!(body(&host, "s", name), async {
            // The first request was sent before this one, to the same queue.
            body(&host, "s", "inside").await;
            body(&host, "s", "release").await
        });
        assert_eq!((sleeper.as_str(), released.as_str()), (result, "released"));
    });
}

#[test]
fn a_sleeping_callback_lets_others_through() {
    sleeps("plain", "plain");
}

#[test]
fn so_does_one_that_sleeps_inside_of_pcall() {
    sleeps("in_pcall", "pcall");
}

#[test]
fn so_does_one_that_sleeps_in_a_sort_comparator() {
    sleeps("in_sort", "123");
}

#[test]
fn so_does_one_that_sleeps_in_a_gsub_callback() {
    sleeps("in_gsub", "ABC");
}

#[test]
fn so_does_one_that_sleeps_in_a_metamethod() {
    sleeps("in_index", "foo!");
    sleeps("in_tostring", "text");
}

#[test]
fn so_does_one_that_sleeps_in_an_iterator() {
    sleeps("in_iterator", "4");
}

#[test]
fn so_does_one_that_sleeps_in_a_coroutine_of_its_own() {
    sleeps("in_coroutine", "2,42");
}

#[test]
fn so_does_one_that_sleeps_while_a_module_loads() {
    sleeps("in_require", "7");
}

#[test]
fn so_does_one_that_sleeps_under_xpcall() {
    sleeps("in_xpcall", "xy");
}

#[test]
fn three_callbacks_sleep_at_the_same_time() {
    let code = r#"
        inside = 0
        function meet()
          inside = inside + 1
          local ok = pcall(function() while inside < 3 do tw_utils.psleep(1) end end)
          return 200, tostring(ok)
        end
        tw_http.registerCallback("/meet", "meet")
        while p_data.run do tw_utils.psleep(10) end
    "#;
    with_scripts(&[("s.lua", code)], async |host| {
        let meet = || body(&host, "s", "meet");
        let (a, b, c) = tokio::join!(meet(), meet(), meet());
        assert_eq!([a, b, c], ["true", "true", "true"]);
    });
}

#[test]
fn a_sleep_in_a_function_that_rust_calls_only_takes_time() {
    let code = r#"
        function nap() return 200, tostring(test_call(function() tw_utils.psleep(1) return "slept" end)) end
        tw_http.registerCallback("/nap", "nap")
        while p_data.run do tw_utils.psleep(10) end
    "#;
    with_scripts(&[("s.lua", code)], async |host| {
        assert_eq!(body(&host, "s", "nap").await, "slept");
        // And again, with others: the state has kept its balance.
        let nap = || body(&host, "s", "nap");
        let (a, b) = tokio::join!(nap(), nap());
        assert_eq!([a, b], ["slept", "slept"]);
    });
}

#[test]
fn a_wait_in_a_function_that_rust_calls_is_an_error() {
    let code = r#"
        local ok, text = pcall(test_call, function() tw_mutex.lock() end)
        return tostring(ok) .. " " .. tostring(text)
    "#;
    with_scripts(&[("s.lua", code)], async |host| {
        let result = finished(&host, "s").await.result;
        assert!(result.contains("cannot wait here"), "{result}");
    });
}

#[test]
fn a_sleep_in_a_finalizer_harms_nothing() {
    let code = r#"
        finalized = 0
        function make()
          for _ = 1, 50 do
            getmetatable(newproxy(true)).__gc = function() tw_utils.psleep(1) finalized = finalized + 1 end
          end
          collectgarbage()
          return 200, tostring(finalized > 0)
        end
        tw_http.registerCallback("/make", "make")
        while p_data.run do tw_utils.psleep(1) end
    "#;
    with_scripts(&[("s.lua", code)], async |host| {
        let make = || body(&host, "s", "make");
        let (a, b) = tokio::join!(make(), make());
        assert_eq!([a, b], ["true", "true"]);
    });
}

#[test]
fn a_finalizer_that_fails_or_sleeps_at_the_end_harms_nothing() {
    let code = r#"
        proxies = {}
        for i = 1, 50 do
          local proxy = newproxy(true)
          getmetatable(proxy).__gc = function() tw_utils.psleep(1) error("finalizer") end
          proxies[i] = proxy
        end
        function drop()
          proxies = {}
          for _ = 1, 100 do pcall(collectgarbage) end
          return 200, {["x-a"] = "b"}, "dropped"
        end
        tw_http.registerCallback("/drop", "drop")
        while p_data.run do pcall(tw_utils.psleep, 1) end
    "#;
    with_scripts(&[("s.lua", code)], async |host| {
        for _ in 0..3 {
            assert_eq!(body(&host, "s", "drop").await, "dropped");
        }
    });
}

#[test]
fn ten_callbacks_take_turns_at_the_mutex() {
    let code = r#"
        counter = 0
        function add()
          tw_mutex.lock()
          local seen = counter
          tw_utils.psleep(2)
          counter = seen + 1
          tw_mutex.unlock()
          return 200, counter
        end
        tw_http.registerCallback("/add", "add")
        function count() return 200, counter end
        tw_http.registerCallback("/count", "count")
        while p_data.run do tw_utils.psleep(10) end
    "#;
    with_scripts(&[("s.lua", code)], async |host| {
        futures_util::future::join_all((0..10).map(|_| call(&host, "s", "add"))).await;
        assert_eq!(body(&host, "s", "count").await, "10");
    });
}

#[test]
fn twenty_callbacks_make_garbage_and_switch() {
    let code = r#"
        function churn()
          local t = {}
          for i = 1, 3000 do
            t[i % 100 + 1] = {i, tostring(i), setmetatable({}, {__index = t})}
            if i % 97 == 0 then tw_utils.psleep(0) end
          end
          return 200, #t
        end
        tw_http.registerCallback("/churn", "churn")
        while p_data.run do tw_utils.psleep(10) end
    "#;
    with_scripts(&[("s.lua", code)], async |host| {
        let all = futures_util::future::join_all((0..20).map(|_| body(&host, "s", "churn"))).await;
        assert!(all.iter().all(|count| count == "100"), "{all:?}");
    });
}

#[test]
fn a_thousand_callbacks_sleep_at_once() {
    let code = r#"
        inside = 0
        function meet()
          inside = inside + 1
          while inside < 1000 do tw_utils.psleep(20) end
          return 200, "met"
        end
        tw_http.registerCallback("/meet", "meet")
        while p_data.run do tw_utils.psleep(10) end
    "#;
    with_scripts(&[("s.lua", code)], async |host| {
        let all = futures_util::future::join_all((0..1000).map(|_| body(&host, "s", "meet"))).await;
        assert!(all.iter().all(|text| text == "met"));
    });
}
