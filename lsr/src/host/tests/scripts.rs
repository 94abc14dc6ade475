//! `tw_script`: scripts look at, start, stop and call each other.

use super::super::testing::{finished, put, with_scripts};

const KID: &str = r#"
    function hello(method, path, headers, query, data)
      return 200, {["x-kid"] = "yes"}, table.concat({p_data.greeting or "none", method, query.q or "none", data.k or "none", headers.h or "none"}, " ")
    end
    tw_http.registerCallback("/hello", "hello")
    while p_data.run do tw_utils.psleep(60000) end
    return "kid stopped"
"#;

/// What `code` returns beside a script `kid.lua`.
#[track_caller]
fn beside_kid(code: &str, result: &str) {
    with_scripts(&[], async |host| {
        put(&host, "kid.lua", KID);
        put(
            &host,
            "s.lua",
            &format!(
                "local function ready(name) repeat local code = tw_script.executeCallback(name, 'GET', 'hello') tw_utils.psleep(1) until code == 200 end \
             local function text(f, ...) local ok, e = pcall(f, ...) return (tostring(e):gsub('^.-: ', '', 1)) end \
             local t = {{}} local function put(...) for i = 1, select('#', ...) do t[#t + 1] = tostring((select(i, ...))) end end {code} \
             return table.concat(t, '|')"
            ),
        );
        host.add(super::super::testing::spec("s.lua")).await.unwrap();
        assert_eq!(finished(&host, "s").await.result, result);
    });
}

#[test]
fn a_script_starts_calls_and_removes_another() {
    beside_kid(
        "put(tw_script.addScript('kid', 'kid.lua', nil, nil, {greeting = 'hi'})) ready('kid') \
         put(tw_script.getStatus('kid'), tw_script.getFilename('kid')) \
         local code, body, headers = tw_script.executeCallback('kid', 'POST', 'hello', {h = 'H'}, {q = 'Q'}, {k = 'K'}) \
         put(code, body, headers['x-kid']) \
         put(tw_script.removeScript('kid'), text(tw_script.getStatus, 'kid'))",
        "0|Running|kid.lua|200|hi POST Q K H|yes|0|Error getting script status",
    );
}

#[test]
fn settings_of_another_script_are_read_and_set() {
    beside_kid(
        "tw_script.addScript('kid', 'kid.lua', nil, nil, {greeting = 'hi'}) ready('kid') \
         put(tw_script.getProperty('kid', 'greeting'), tw_script.getProperties('kid').greeting) \
         put(tw_script.setProperties('kid', {greeting = 'changed'})) \
         put((select(2, tw_script.executeCallback('kid', 'GET', 'hello')))) \
         put(text(tw_script.getProperty, 'kid', 'nope'))",
        "hi|hi|0|changed GET none none none|Server Error - Error getting propertynope from ScriptProxy kid",
    );
}

#[test]
fn what_cannot_be_done_has_the_texts_of_the_original() {
    beside_kid(
        "put(text(tw_script.getResult, 'x'), text(tw_script.getFilename, 'x'), text(tw_script.removeScript, 'x')) \
         put(text(tw_script.addScript, 'x', 'no_such_file.lua')) \
         tw_script.addScript('kid', 'kid.lua') put(tw_script.addScript('kid', 'kid.lua')) ready('kid') \
         local code, body, headers = tw_script.executeCallback('kid', 'POST', '/hello', {hh = 'H'}) put(code, body, headers.hh) \
         local code, body, headers = tw_script.executeCallback('nokid', 'GET', 'x') put(code, body, next(headers))",
        "Error getting script result|Error getting script filename|Error removing script|Error creating new script|0\
         |404|/scripts/kid//hello/ not found|H|404|Script not found|nil",
    );
}

#[test]
fn a_script_may_call_and_remove_itself() {
    beside_kid(
        "function own() return 200, 'own' end tw_http.registerCallback('/own', 'own') \
         put((select(2, tw_script.executeCallback('s', 'GET', 'own')))) put(tw_script.removeScript('s'))",
        "own|0",
    );
}

#[test]
fn finished_scripts_are_listed_and_cleaned_up() {
    with_scripts(&[], async |host| {
        put(&host, "done.lua", "return 'done'");
        put(
            &host,
            "s.lua",
            "tw_script.addScript('done', 'done.lua') \
             while tw_script.getStatus('done') ~= 'Finished' do tw_utils.psleep(1) end \
             local before = tw_script.getScriptList() tw_script.cleanupFinishedScripts() \
             local after = tw_script.getScriptList() return before.done, tw_script.getScriptList().s, tostring(after.done)",
        );
        host.add(super::super::testing::spec("s.lua")).await.unwrap();
        assert_eq!(finished(&host, "s").await.result, "nil,Running,Finished");
    });
}
