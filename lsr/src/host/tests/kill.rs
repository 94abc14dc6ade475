//! A script that does not come to its end is thrown away, whatever it does.

use std::{fs, time::Duration};

use super::super::{
    CallError, CallbackRequest,
    testing::{PATIENCE, body, put, spec, with_scripts},
};

const HANGING: &[(&str, &str)] = &[
    ("loop", "while true do pcall(function() while true do end end) end"),
    ("sleep", "while true do pcall(tw_utils.psleep, 60000) end"),
    (
        "coroutine",
        "local co = coroutine.wrap(function() while true do pcall(function() while true do end end) end end) \
         while true do pcall(co) end",
    ),
    ("mutex", "tw_mutex.lock() while true do pcall(tw_mutex.lock) end"),
    ("called", "while true do pcall(test_call, function() while true do end end) end"),
];

#[test]
fn a_hanging_main_chunk_is_thrown_away() {
    for (name, code) in HANGING {
        let code =
            format!("function in_() return 200, 'in' end tw_http.registerCallback('/in', 'in_') {code}");
        with_scripts(&[("s.lua", &code)], async |host| {
            // The one that Rust has called answers nobody, and is killed all the same.
            if *name != "called" {
                assert_eq!(body(&host, "s", "in").await, "in");
            }
            host.remove_within("s", Duration::ZERO).await.unwrap();
            assert!(host.script("s").is_err(), "{name}");
            // Its thread is free: another script runs on it, and the host stops.
        });
    }
}

#[test]
fn callbacks_of_a_killed_script_are_answered() {
    let code = "function hang() inside = true while true do pcall(tw_utils.psleep, 60000) end end \
                function ready() return 200, tostring(inside) end \
                tw_http.registerCallback('/hang', 'hang') tw_http.registerCallback('/ready', 'ready') \
                while true do tw_utils.psleep(60000) end";
    with_scripts(&[("s.lua", code)], async |host| {
        assert_eq!(body(&host, "s", "ready").await, "nil");
        let request = CallbackRequest { path: vec![b"hang".to_vec()], ..CallbackRequest::default() };
        let (hanging, removed) = tokio::join!(host.call("s", request, PATIENCE), async {
            while body(&host, "s", "ready").await != "true" {}
            host.remove_within("s", Duration::ZERO).await
        });
        assert_eq!(hanging, Err(CallError::Stopped("s".into())));
        assert_eq!(removed, Ok(()));
    });
}

#[test]
fn a_script_killed_at_its_very_start_is_gone() {
    with_scripts(&[], async |host| {
        put(&host, "s.lua", "while true do pcall(tw_utils.psleep, 60000) end");
        for _ in 0..50 {
            host.add(spec("s.lua")).await.unwrap();
            host.remove_within("s", Duration::ZERO).await.unwrap();
        }
        assert!(host.scripts().is_empty());
    });
}

#[test]
fn a_thousand_killed_contexts_leave_nothing_behind() {
    let code = r#"
        inside = 0
        function hang() inside = inside + 1 while true do pcall(tw_utils.psleep, 60000) end end
        function count() return 200, inside end
        tw_http.registerCallback("/hang", "hang")
        tw_http.registerCallback("/count", "count")
        while true do pcall(tw_utils.psleep, 60000) end
    "#;
    with_scripts(&[], async |host| {
        put(&host, "s.lua", code);
        let mut mappings = Vec::new();
        for _ in 0..10 {
            host.add(spec("s.lua")).await.unwrap();
            assert_eq!(body(&host, "s", "count").await, "0");
            let hang = async || {
                let request = CallbackRequest { path: vec![b"hang".to_vec()], ..CallbackRequest::default() };
                host.call("s", request, PATIENCE).await
            };
            let hanging = futures_util::future::join_all((0..100).map(|_| hang()));
            let (answers, ()) = tokio::join!(hanging, async {
                while body(&host, "s", "count").await != "100" {}
                host.remove_within("s", Duration::ZERO).await.unwrap();
            });
            assert!(answers.iter().all(|answer| *answer == Err(CallError::Stopped("s".into()))));
            mappings.push(fs::read_to_string("/proc/self/maps").unwrap().lines().count());
        }
        // Each stack is two mappings. Other tests of this process come and go, hence the wide margin.
        let (first, last) = (mappings.first().unwrap(), mappings.last().unwrap());
        assert!(*last < first + 1000, "{mappings:?}");
    });
}

#[test]
fn the_host_stops_with_contexts_that_sleep_wait_and_compute() {
    let code = r#"
        function sleep() while true do pcall(tw_utils.psleep, 60000) end end
        function lock() tw_mutex.lock() tw_mutex.lock() end
        function busy() while true do end end
        function ready() return 200, "ready" end
        for _, name in ipairs {"sleep", "lock", "busy", "ready"} do tw_http.registerCallback("/" .. name, name) end
        while p_data.run do tw_utils.psleep(60000) end
    "#;
    with_scripts(&[("s.lua", code)], async |host| {
        for name in ["sleep", "lock", "busy", "sleep", "lock"] {
            let request =
                CallbackRequest { path: vec![name.as_bytes().to_vec()], ..CallbackRequest::default() };
            // Nobody waits for the answer: the callback runs on.
            let _ = tokio::time::timeout(Duration::ZERO, host.call("s", request, PATIENCE)).await;
        }
        assert_eq!(body(&host, "s", "ready").await, "ready");
        let report = host.stop(PATIENCE).await;
        assert!(report.is_clean(), "{report:?}");
    });
}
