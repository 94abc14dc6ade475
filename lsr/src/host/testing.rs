//! For unit tests: Lua code in a script of a running host, with everything a script has.

use std::{fs, path::Path, time::Duration};

use mlua::Function;

use super::{
    Arity, CallbackAnswer, CallbackRequest, Host, HostSettings, Natives, Phase, ScriptSpec, ScriptView,
};

/// Runs `code` as the main chunk of a script called `test` and returns its results, each as `tostring` has it, joined
/// with commas; or the text of its error.
pub(crate) fn eval(code: &str) -> Result<String, String> {
    // On one line with the code, so that the lines of its errors are its own.
    let code = format!(
        "local function packed(...) local t = {{}} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end \
         return table.concat(t, ',') end return packed((function(...) {code}\nend)())"
    );
    with_scripts(&[("test.lua", &code)], async |host| {
        let view = finished(&host, "test").await;
        match view.result.strip_prefix("Error: ") {
            Some(error) => Err(error
                .split_once(".lua:")
                .map_or(error.to_owned(), |(_, place)| format!("test.lua:{place}"))),
            None => Ok(view.result),
        }
    })
}

/// Starts a host with a script for each of `files` (named without `.lua`), runs `test`, stops the host.
pub(crate) fn with_scripts<T>(files: &[(&str, &str)], test: impl AsyncFnOnce(Host) -> T) -> T {
    with_settings(HostSettings::default(), files, test)
}

/// The same with settings; the directory is set here.
pub(crate) fn with_settings<T>(
    settings: HostSettings,
    files: &[(&str, &str)],
    test: impl AsyncFnOnce(Host) -> T,
) -> T {
    let etc = tempfile::tempdir().unwrap();
    let scripts = etc.path().join("custom/scripts");
    fs::create_dir_all(&scripts).unwrap();
    actix::System::new().block_on(async {
        let host = Host::start(HostSettings { directory: etc.path().to_owned(), ..settings });
        for (file, code) in files {
            put(&host, file, code);
            host.add(spec(file)).await.unwrap();
        }
        let result = test(host.clone()).await;
        let report = host.stop(PATIENCE).await;
        assert!(report.stuck.is_empty(), "{report:?}");
        result
    })
}

/// Writes a file into the folder of scripts.
pub(crate) fn put(host: &Host, file: &str, code: &str) {
    let path = Path::new(host.directory().as_path()).join("custom/scripts").join(file);
    fs::write(path, code).unwrap();
}

/// A script that is named as its file.
pub(crate) fn spec(file: &str) -> ScriptSpec {
    let name = file.strip_suffix(".lua").unwrap_or(file).to_owned();
    let settings = [("file".to_owned(), file.into())].into();
    ScriptSpec { name, file: file.to_owned(), settings, at_run_time: false }
}

/// A script whose main chunk has ended.
pub(crate) async fn finished(host: &Host, name: &str) -> ScriptView {
    let view = host.finished(name, PATIENCE).await.unwrap();
    assert_eq!(view.phase, Phase::Finished, "{view:?}");
    view
}

/// Calls a callback by GET, as soon as it is registered; the path is `a/b`.
pub(crate) async fn call(host: &Host, script: &str, path: &str) -> CallbackAnswer {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let request = CallbackRequest {
            method: "GET".into(),
            path: path.split('/').map(|part| part.as_bytes().to_vec()).collect(),
            ..CallbackRequest::default()
        };
        match host.call(script, request, PATIENCE).await {
            Ok(answer) => return answer,
            Err(error) if tokio::time::Instant::now() > deadline => panic!("{script}/{path}: {error}"),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// The body that a callback answers with code 200.
pub(crate) async fn body(host: &Host, script: &str, path: &str) -> String {
    let answer = call(host, script, path).await;
    let body = String::from_utf8(answer.body).unwrap();
    assert_eq!(answer.code, 200, "{body}");
    body
}

/// Functions that only tests have: one that calls Lua, and ones with defects.
pub(super) fn install(natives: &Natives<'_>) -> mlua::Result<()> {
    let globals = natives.lua().globals();
    // Against the rules of `Natives`.
    let call = |_: &mlua::Lua, function: Function| function.call::<mlua::Value>(());
    globals.raw_set("test_call", natives.plain(Arity::exactly(1), call)?)?;
    let fail = |_: &mlua::Lua, ()| -> mlua::Result<()> { Err(mlua::Error::runtime("no such thing")) };
    globals.raw_set("test_fail", natives.plain(Arity::exactly(0), fail)?)?;
    let defect = |_: &mlua::Lua, ()| -> mlua::Result<()> { panic!("a defect of the test") };
    globals.raw_set("test_panic", natives.plain(Arity::exactly(0), defect)?)?;
    let late_defect = |_: &mlua::Lua, ()| {
        Ok(async {
            tokio::task::yield_now().await;
            panic!("a late defect of the test")
        })
    };
    globals.raw_set("test_panic_late", natives.blocking(Arity::exactly(0), late_defect)?)
}

/// Costs only when something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn code_is_evaluated() {
    assert_eq!(eval("return 1, 'x', nil, true"), Ok("1,x,nil,true".into()));
    assert_eq!(eval("error('no')"), Err("test.lua:1: no".into()));
}
