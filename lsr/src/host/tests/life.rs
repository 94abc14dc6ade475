//! Starting, looking at, changing and stopping scripts (script resource notes, 1.7 and 2.5).

use std::time::Duration;

use super::super::{
    CallError, CallbackRequest, HostSettings, Phase, Sandbox, ScriptError,
    testing::{PATIENCE, body, eval, finished, put, spec, with_scripts, with_settings},
};
use crate::{Setting, Settings};

const ECHO: &str = r#"
    function get() return 200, tostring(p_data.greeting) end
    tw_http.registerCallback("/get", "get")
    while p_data.run do tw_utils.psleep(60000) end
    return "stopped"
"#;

fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Setting::from(*value))).collect()
}

#[test]
fn a_script_shows_its_phase_and_its_result() {
    with_scripts(&[("done.lua", "return 'first', 2, true, nil, 'last'"), ("echo.lua", ECHO)], async |host| {
        let view = finished(&host, "done").await;
        assert_eq!((view.phase, view.result.as_str()), (Phase::Finished, "last,,,2,first"));
        body(&host, "echo", "get").await;
        assert_eq!(host.script("echo").unwrap().phase, Phase::Running);
        let names: Vec<_> = host.scripts().into_iter().map(|view| view.name).collect();
        assert_eq!(names, ["done", "echo"]);
        assert_eq!(host.source("echo").await.unwrap(), ECHO.as_bytes());
    });
}

#[test]
fn a_sleeping_script_wakes_when_it_is_told_to_stop() {
    with_scripts(&[("echo.lua", ECHO)], async |host| {
        body(&host, "echo", "get").await;
        let mut seen = host.watch("echo");
        host.remove("echo").await.unwrap();
        assert_eq!(seen.borrow_and_update().result, "stopped");
        assert_eq!(host.script("echo"), Err(ScriptError::Unknown("echo".into())));
    });
}

#[test]
fn settings_from_outside_are_seen_at_once() {
    with_scripts(&[("echo.lua", ECHO)], async |host| {
        assert_eq!(body(&host, "echo", "get").await, "nil");
        host.set_properties("echo", settings(&[("greeting", "hello")])).await.unwrap();
        assert_eq!(body(&host, "echo", "get").await, "hello");
        assert_eq!(host.property("echo", "greeting").await, Ok(Setting::from("hello")));
        assert!(matches!(host.property("echo", "nope").await, Err(ScriptError::NoProperty { .. })));
        assert!(host.script("echo").unwrap().settings.contains_key("greeting"));
    });
}

#[test]
fn own_settings_stand_above_global_ones() {
    let settings =
        HostSettings { globals: settings(&[("a", "global"), ("b", "global")]), ..HostSettings::default() };
    let code =
        "return p_data.a .. p_data.b .. p_data.name .. tostring(p_data.run) .. type(p_data.config_file_path)";
    with_settings(settings, &[], async |host| {
        put(&host, "s.lua", code);
        let mut spec = spec("s.lua");
        spec.settings.insert("b".into(), Setting::from("own"));
        host.add(spec).await.unwrap();
        assert_eq!(finished(&host, "s").await.result, "globalownstruestring");
    });
}

#[test]
fn a_name_is_taken_only_once_and_a_file_must_be_there() {
    with_scripts(&[("echo.lua", ECHO)], async |host| {
        assert_eq!(host.add(spec("echo.lua")).await, Err(ScriptError::Exists("echo".into())));
        assert!(matches!(host.add(spec("no.lua")).await, Err(ScriptError::Unreadable { .. })));
        assert!(host.script("no").is_err());
    });
}

#[test]
fn an_updated_script_runs_the_new_file() {
    with_scripts(&[("s.lua", ECHO)], async |host| {
        body(&host, "s", "get").await;
        put(&host, "s.lua", "return 'new'");
        host.update(spec("s.lua")).await.unwrap();
        assert_eq!(finished(&host, "s").await.result, "new");
    });
}

#[test]
fn finished_scripts_of_the_run_time_are_cleaned_up() {
    with_scripts(&[("configured.lua", "return 1")], async |host| {
        put(&host, "added.lua", "return 2");
        let mut added = spec("added.lua");
        added.at_run_time = true;
        let mut changes = host.changes();
        host.add(added).await.unwrap();
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        finished(&host, "added").await;
        finished(&host, "configured").await;
        assert_eq!(host.clean_up().await, ["added"]);
        assert_eq!(host.scripts().len(), 1);
    });
}

#[test]
fn calls_that_lead_nowhere_say_why() {
    let code = "tw_http.registerCallback('/missing', 'no_such_function') tw_http.registerCallback('/in', 'in_') \
                function in_() return 200 end while p_data.run do tw_utils.psleep(10) end";
    with_scripts(&[("s.lua", code)], async |host| {
        super::super::testing::call(&host, "s", "in").await;
        let call = async |script: &str, path: &str| {
            let path = path.split('/').map(|part| part.as_bytes().to_vec()).collect();
            host.call(script, CallbackRequest { path, ..CallbackRequest::default() }, PATIENCE).await
        };
        assert_eq!(call("nobody", "x").await, Err(CallError::NoScript));
        assert_eq!(call("s", "missing").await, Err(CallError::NotAFunction));
        let error = call("s", "x/y").await.unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (404, "/scripts/s/x/y/ not found"));
    });
}

#[test]
fn a_late_callback_is_given_up_and_runs_on() {
    let code = "function slow() while not released do tw_utils.psleep(1) end ended = true end \
                function release() released = true return 200, tostring(ended) end \
                function ready() return 200 end tw_http.registerCallback('/ready', 'ready') \
                tw_http.registerCallback('/slow', 'slow') tw_http.registerCallback('/release', 'release') \
                while p_data.run do tw_utils.psleep(10) end";
    with_scripts(&[("s.lua", code)], async |host| {
        super::super::testing::call(&host, "s", "ready").await;
        let request = CallbackRequest { path: vec![b"slow".to_vec()], ..CallbackRequest::default() };
        let late = host.call("s", request, Duration::ZERO).await;
        assert_eq!(late, Err(CallError::Late("s".into())));
        while body(&host, "s", "release").await != "true" {}
    });
}

#[test]
fn a_script_may_ask_to_be_started_anew_when_it_fails() {
    with_scripts(&[], async |host| {
        put(&host, "s.lua", "error('not yet')");
        let mut spec = spec("s.lua");
        spec.settings.insert("edgebind_restart".into(), Setting::from("on-failure"));
        host.add(spec).await.unwrap();
        let restarted = async {
            loop {
                let tree = host.tree().await.unwrap();
                let unit = tree.find(&["script/s"]).unwrap();
                if unit.restarts > 0 {
                    assert!(unit.last_exit.as_ref().unwrap().contains("s.lua:1: not yet"), "{unit:?}");
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, restarted).await.unwrap();
        put(&host, "s.lua", "return 'at last'");
        let mut seen = host.watch("s");
        let done = seen.wait_for(|seen| seen.result == "at last");
        tokio::time::timeout(PATIENCE, done).await.unwrap().unwrap();
    });
}

#[test]
fn the_sandbox_takes_out_what_reaches_beyond_lua() {
    let code = "return tostring(debug) .. tostring(os.execute) .. tostring(io.open) .. tostring(package) \
                .. type(io.write) .. type(os.time) .. type(require) .. type(loadstring)";
    let settings = HostSettings { sandbox: Some(Sandbox::default()), ..HostSettings::default() };
    with_settings(settings, &[("s.lua", code)], async |host| {
        let result = finished(&host, "s").await.result;
        assert_eq!(result, "nilnilnilnilfunctionfunctionfunctionfunction");
    });
}

#[test]
fn every_name_of_the_original_is_there_and_aliases_are_one_table() {
    let code = "return ps_http == tw_http, ps_utils == tw_utils, ps_mutex == tw_mutex, ps_dir == tw_dir, \
                ps_script == tw_script, ps_rap == tw_rap and tw_rap == tw_ems, ps_convert == tw_convert, \
                type(tw_datashape), type(tw_infotable), log == logger, ps_logger, _VERSION";
    let all = "true,true,true,true,true,true,true,table,table,true,nil,Lua 5.1";
    assert_eq!(eval(code).unwrap(), all);
}

#[test]
fn it_is_lua_5_1_with_all_its_old_names() {
    let code = r#"return ("temp=1.5"):match("temp=(%d+\.%d+)"), type(module), type(setfenv), type(unpack), table.getn({1, 2}),
        math.mod(7, 4), type(string.gfind), type(loadstring), type(gcinfo), type(newproxy), (function(...) return arg.n end)(1, 2)"#;
    assert_eq!(
        eval(code).unwrap(),
        "1.5,function,function,function,2,3,function,function,function,function,2"
    );
}

#[test]
fn a_thousand_scripts_run_in_one_process() {
    with_scripts(&[], async |host| {
        put(&host, "s.lua", ECHO);
        for number in 0..1000 {
            let mut spec = spec("s.lua");
            spec.name = format!("s{number}");
            spec.settings.insert("greeting".into(), Setting::from(number.to_string()));
            host.add(spec).await.unwrap();
        }
        for number in [0, 1, 500, 999] {
            assert_eq!(body(&host, &format!("s{number}"), "get").await, number.to_string());
        }
        assert_eq!(host.tree().await.unwrap().children.len(), 1000);
        let report = host.stop(PATIENCE).await;
        assert!(report.is_clean(), "{} cut, {} stuck", report.cut.len(), report.stuck.len());
    });
}
