//! Errors keep their place, whatever slept in between, and defects of libraries stay errors.

use super::super::testing::{body, call, eval, finished, with_scripts};

#[test]
fn an_error_after_a_sleep_in_a_nested_pcall_has_its_exact_place() {
    let code = "local ok, text = pcall(function()\n pcall(pcall, tw_utils.psleep, 2)\n tw_utils.psleep(1)\n local x\n \
                return x.y\nend)\nreturn text:match('%.lua:.*')";
    assert_eq!(eval(code).unwrap(), ".lua:5: attempt to index local 'x' (a nil value)");
    let code = "local ok, text = pcall(function() tw_utils.psleep(1) error('plain') end) return text:match('%.lua:.*')";
    assert_eq!(eval(code).unwrap(), ".lua:1: plain");
}

#[test]
fn an_error_of_a_library_is_a_string_with_file_and_line() {
    let code =
        "local ok, text = pcall(function()\n test_fail() end) return type(text), text:match('%.lua:.*')";
    assert_eq!(eval(code).unwrap(), "string,.lua:2: no such thing");
    assert_eq!(eval("\ntest_fail()").unwrap_err(), "test.lua:2: no such thing");
}

#[test]
fn a_panic_of_a_library_is_an_error_of_the_caller() {
    assert_eq!(eval("return select(2, pcall(test_panic))").unwrap(), "internal error");
    assert_eq!(eval("test_panic()").unwrap_err(), "test.lua:1: internal error");
    assert_eq!(eval("return select(2, pcall(test_panic_late))").unwrap(), "internal error");
}

#[test]
fn too_few_and_too_many_arguments_are_refused_with_the_texts_of_the_original() {
    let text = |code: &str| {
        eval(&format!("return (select(2, pcall(function() {code} end)):gsub('^.-: ', ''))")).unwrap()
    };
    assert_eq!(text("tw_http.registerCallback('/x')"), "This functon requires at least 2 parameters");
    assert_eq!(text("tw_mutex.lock(1)"), "This functon only can handle 0 parameters");
    assert_eq!(text("tw_utils.psleep()"), "This functon requires at least 1 parameters");
}

#[test]
fn a_wrong_kind_of_argument_is_a_string_error() {
    assert_eq!(eval("return type(select(2, pcall(tw_http.registerCallback, {}, {})))").unwrap(), "string");
    assert_eq!(eval("return type(select(2, pcall(tw_utils.psleep, {})))").unwrap(), "string");
}

#[test]
fn an_error_in_a_callback_is_answered_with_its_place() {
    let code = "function fail() tw_utils.psleep(1)\n error('no') end\nfunction odd() error({}) end\n\
                tw_http.registerCallback('/fail', 'fail') tw_http.registerCallback('/odd', 'odd')\n\
                while p_data.run do tw_utils.psleep(10) end";
    with_scripts(&[("s.lua", code)], async |host| {
        let answer = call(&host, "s", "fail").await;
        let text = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.code, 500);
        assert!(text.starts_with("Error: ") && text.ends_with("s.lua:2: no"), "{text}");
        let answer = call(&host, "s", "odd").await;
        assert_eq!((answer.code, answer.body), (500, Vec::new()));
    });
}

#[test]
fn a_script_that_fails_says_so_and_its_callbacks_live_on() {
    let code =
        "function quick() return 200, 'quick' end tw_http.registerCallback('/quick', 'quick')\nerror('no')";
    with_scripts(&[("s.lua", code)], async |host| {
        let result = finished(&host, "s").await.result;
        assert!(result.starts_with("Error: ") && result.ends_with("s.lua:2: no"), "{result}");
        assert_eq!(body(&host, "s", "quick").await, "quick");
        let tree = host.tree().await.unwrap();
        let unit = tree.find(&["script/s"]).unwrap();
        assert!(unit.report.starts_with("finished: Error: "), "{unit:?}");
        assert_eq!(unit.restarts, 0);
    });
}

#[test]
fn a_script_that_does_not_compile_says_where() {
    with_scripts(&[("s.lua", "local x =\n= 1")], async |host| {
        let result = finished(&host, "s").await.result;
        assert!(result.ends_with("s.lua:2: unexpected symbol near '='"), "{result}");
    });
}
