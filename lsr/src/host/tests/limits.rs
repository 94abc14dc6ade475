//! Memory and depth: what is too much is an error of the script, not the end of the process.

use super::super::{
    HostSettings,
    testing::{body, call, eval, with_settings},
};

fn limited(code: &str, test: impl AsyncFnOnce(super::super::Host)) {
    let settings = HostSettings { memory_bytes: Some(4 << 20), ..HostSettings::default() };
    with_settings(settings, &[("s.lua", code)], test);
}

const GREEDY: &str = r#"
    function greedy() local t = {} for i = 1, 1e8 do t[i] = i .. ("x"):rep(1000) end end
    function careful() local ok, text = pcall(greedy) collectgarbage() return 200, tostring(text) end
    function quick() return 200, ("x"):rep(100000):sub(1, 3) end
    for _, name in ipairs {"greedy", "careful", "quick"} do tw_http.registerCallback("/" .. name, name) end
    while p_data.run do tw_utils.psleep(10) end
"#;

#[test]
fn memory_beyond_the_limit_is_an_error_and_the_next_request_is_a_normal_one() {
    limited(GREEDY, async |host| {
        for _ in 0..3 {
            let answer = call(&host, "s", "greedy").await;
            let text = String::from_utf8(answer.body).unwrap();
            assert_eq!((answer.code, text.as_str()), (500, "Error: not enough memory"));
            assert_eq!(body(&host, "s", "quick").await, "xxx");
        }
    });
}

#[test]
fn so_it_is_inside_of_pcall() {
    limited(GREEDY, async |host| {
        for _ in 0..3 {
            assert_eq!(body(&host, "s", "careful").await, "not enough memory");
            assert_eq!(body(&host, "s", "quick").await, "xxx");
        }
    });
}

#[test]
fn deep_pcalls_end_in_an_error() {
    let code = "local function r(n) if n == 0 then return 0 end local ok, v = pcall(r, n - 1) return v end \
                return tostring(r(10000)):match('stack overflow') or r(10000)";
    assert_eq!(eval(code).unwrap(), "stack overflow");
}

#[test]
fn gsub_in_gsub_works_as_deep_as_lua_allows_and_ends_in_an_error_beyond() {
    let code = "local function r(n) if n == 0 then return 'x' end return (('a'):gsub('a', function() return r(n - 1) end)) end \
                return r(190), (select(2, pcall(r, 1000))):match('C stack overflow')";
    assert_eq!(eval(code).unwrap(), "x,C stack overflow");
}

#[test]
fn the_parser_refuses_what_is_nested_too_deeply() {
    let code = "local f, e = loadstring('return ' .. ('('):rep(1000) .. '1' .. (')'):rep(1000)) \
                return f, e:match('too many C levels') or e:match('overflow')";
    assert!(eval(code).unwrap().starts_with("nil,"), "{:?}", eval(code));
    let code = "local f = loadstring(('return function() '):rep(50) .. ' return 1 ' .. (' end'):rep(50)) return type(f)";
    assert_eq!(eval(code).unwrap(), "function");
}

#[test]
fn coroutines_in_coroutines_end_in_an_error() {
    let code = "local function f(n) if n == 0 then return 0 end return coroutine.wrap(f)(n - 1) + 1 end \
                return f(100), (select(2, pcall(f, 100000))):match('C stack overflow')";
    assert_eq!(eval(code).unwrap(), "100,C stack overflow");
}

#[test]
fn library_functions_that_call_lua_end_in_an_error() {
    let code = "local function r(n) if n == 0 then return 0 end return test_call(function() return r(n - 1) end) end \
                return r(20), type(select(2, pcall(r, 10000)))";
    assert_eq!(eval(code).unwrap(), "0,string");
}

#[test]
fn many_results_are_cut_not_fatal() {
    let code = "local t = {} for i = 1, 5000 do t[i] = i end return unpack(t)";
    assert!(eval(code).is_ok());
}
