//! A callback or main chunk that computes gives way, wherever it computes.

use super::super::testing::{PATIENCE, body, with_scripts};

const BUSY: &str = r#"
local function compute() while not released do end end
function plain() compute() return 200, "plain" end
function in_pcall() pcall(pcall, compute) return 200, "pcall" end
function in_index()
  local t = setmetatable({}, {__index = function() compute() return "index" end})
  return 200, t.x
end
function in_coroutine() coroutine.wrap(function() pcall(compute) end)() return 200, "coroutine" end
function release() released = true return 200, "released" end
for _, name in ipairs {"plain", "in_pcall", "in_index", "in_coroutine", "release"} do
  tw_http.registerCallback("/" .. name, name)
end
while p_data.run do tw_utils.psleep(10) end
"#;

#[track_caller]
fn computes(names: &[&str]) {
    with_scripts(&[("s.lua", BUSY)], async |host| {
        let busy = futures_util::future::join_all(names.iter().map(|name| body(&host, "s", name)));
        let (_, released) = tokio::join!(busy, body(&host, "s", "release"));
        assert_eq!(released, "released");
    });
}

#[test]
fn a_busy_callback_lets_others_through() {
    computes(&["plain"]);
}

#[test]
fn so_does_one_inside_of_pcall() {
    computes(&["in_pcall"]);
}

#[test]
fn so_does_one_in_a_metamethod() {
    computes(&["in_index"]);
}

#[test]
fn so_does_one_in_a_coroutine() {
    computes(&["in_coroutine"]);
}

#[test]
fn eight_busy_callbacks_let_a_ninth_through() {
    computes(&[
        "plain",
        "in_pcall",
        "in_index",
        "in_coroutine",
        "plain",
        "in_pcall",
        "in_index",
        "in_coroutine",
    ]);
}

#[test]
fn a_main_chunk_in_a_tight_loop_lets_callbacks_through_and_hears_of_the_stop() {
    let code = r#"
        function quick() return 200, "quick" end
        tw_http.registerCallback("/quick", "quick")
        while p_data.run do end
        return "heard"
    "#;
    with_scripts(&[("s.lua", code)], async |host| {
        assert_eq!(body(&host, "s", "quick").await, "quick");
        let mut seen = host.watch("s");
        let (removed, result) = tokio::join!(host.remove("s"), async {
            let seen = seen.wait_for(|seen| !seen.result.is_empty()).await.unwrap();
            seen.result.clone()
        });
        assert_eq!(removed, Ok(()));
        assert_eq!(result, "heard");
    });
}

#[test]
fn a_busy_script_holds_up_no_other_on_its_thread() {
    // Seventeen: two of them share a thread.
    let busy = "function quick() return 200, 'quick' end tw_http.registerCallback('/quick', 'quick') while p_data.run do end";
    let names: Vec<_> = (0..17).map(|number| format!("s{number}.lua")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), busy)).collect();
    with_scripts(&files, async |host| {
        let all = async {
            for name in &names {
                assert_eq!(body(&host, name.trim_end_matches(".lua"), "quick").await, "quick");
            }
        };
        tokio::time::timeout(PATIENCE, all).await.unwrap();
    });
}
