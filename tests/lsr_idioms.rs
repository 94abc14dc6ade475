//! What scripts in the field do, and has to go on working (script resource notes, 8 and the traps of 0).
#![cfg(unix)]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::{fs, process::Command, thread};

use serde_json::json;
use support::{Request, Resource, wait_for};

/// A thing called `T` with this template.
fn thing(template: &str) -> Resource {
    let resource = Resource::alone("scripts.T = { file = 'thing.lua', template = 't' }");
    resource.file("custom/templates/t.lua", template);
    resource
}

/// A template whose service `Run` answers what `body` returns, as text.
fn service(body: &str) -> String {
    format!(
        "module('templates.t', thingworx.template.extend)\n\
         serviceDefinitions.Run(output {{ baseType = 'STRING', description = '' }})\n\
         services.Run = function(me, headers, query, data)\n{body}\nend\n"
    )
}

#[test]
fn backslashes_that_mean_nothing_are_dropped_from_patterns() {
    let resource =
        thing(&service(r#"return 200, string.match("temp=48.25'C", "temp=(%d+\.%d+)") .. " " .. "a\qb\%""#));
    let _running = resource.start();
    resource.serves("T");
    assert_eq!(resource.result("T", "Run"), "48.25 aqb%");
}

#[test]
fn a_poked_value_is_read_at_once_whatever_its_type() {
    let resource = thing(
        "module ( \"templates.t\" , thingworx.template.extend )\n\
         properties.n = { baseType = \"NUMBER\", pushType = \"ALWAYS\", value = 0 }\n\
         properties.photo = { baseType=\"IMAGE\",  pushType=\"ALWAYS\", value =0 }\n\
         services.Poke = function(me) sample() return 200 end\n\
         function sample() properties.n.value = \"48.25\" end\n",
    );
    let _running = resource.start();
    resource.serves("T");
    assert_eq!(resource.property("T", "n"), 0);
    assert_eq!(resource.property("T", "photo"), 0);
    let answer = resource.call("T", "Poke", &json!({}));
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    assert_eq!(resource.property("T", "n"), "48.25");
}

#[test]
fn after_module_a_required_library_is_found_under_base_only() {
    let resource = thing(
        "local kept = require 'mylib'\n\
         module('templates.t', thingworx.template.extend)\n\
         require 'another'\n\
         serviceDefinitions.Run(output { baseType = 'STRING', description = '' })\n\
         services.Run = function(me)\n\
           return 200, table.concat({ kept.name, type(mylib), base.mylib.name, type(another), base.another.name }, ' ')\n\
         end\n",
    );
    let library = |name: &str| format!("{name} = {{ name = 'I am {name}' }}\nreturn {name}\n");
    resource.file("custom/lua/mylib.lua", library("mylib"));
    resource.file("custom/lua/another.lua", library("another"));
    let _running = resource.start();
    resource.serves("T");
    assert_eq!(resource.result("T", "Run"), "I am mylib nil I am mylib nil I am another");
}

#[test]
fn popen_in_a_service_holds_up_nobody_else() {
    let resource = thing(
        "module('templates.t', thingworx.template.extend)\n\
         serviceDefinitions.Run(output { baseType = 'STRING', description = '' })\n\
         serviceDefinitions.Quick(output { baseType = 'NUMBER', description = '' })\n\
         services.Run = function(me, headers, query, data)\n\
           local pipe = io.popen('cat ' .. data.pipe)\n\
           local text = pipe:read('*a')\n\
           pipe:close()\n\
           return 200, text\n\
         end\n\
         services.Quick = function() return 200, 42 end\n",
    );
    let pipe = resource.folder().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _running = resource.start();
    resource.serves("T");
    let inputs = json!({ "pipe": pipe.display().to_string() });
    thread::scope(|scope| {
        // It reads until somebody has written, which is when the other service has answered.
        let slow = scope.spawn(|| resource.call("T", "Run", &inputs));
        assert_eq!(resource.result("T", "Quick"), 42);
        assert!(!slow.is_finished());
        fs::write(&pipe, "from the pipe").unwrap();
        assert_eq!(slow.join().unwrap().cell("result"), "from the pipe");
    });
}

#[test]
fn os_execute_returns_the_number_of_lua_5_1() {
    let resource = thing(&service(
        "if os.execute() ~= 0 then\n\
           local code = os.execute(string.format('test -n %q', 'x'))\n\
           return 200, 'code:' .. code .. ' ' .. os.execute('exit 3')\n\
         end",
    ));
    let _running = resource.start();
    resource.serves("T");
    assert_eq!(resource.result("T", "Run"), "code:0 768");
}

#[test]
fn files_with_carriage_returns_tabs_and_long_comments_load() {
    let resource = thing(
        "--[[ a comment\r\n\tover lines ]]\r\n\
         module (\"templates.t\", thingworx.template.extend)\r\n\
         --[==[\r\nproperties.gone = { baseType = \"STRING\" } ]]\r\n]==]\r\n\
         \tproperties.here = { baseType = \"STRING\", pushType = \"NEVER\", value = \"x\" }\r\n",
    );
    let _running = resource.start();
    resource.serves("T");
    assert_eq!(resource.property("T", "here"), "x");
    let gone = resource.get("/scripts/Thingworx/Things/T/Properties/gone");
    assert_eq!((gone.status, gone.text().as_str()), (404, "Property 'gone' not found"));
}

#[test]
fn a_handler_that_is_not_there_and_a_misspelt_key_keep_the_thing_going() {
    let resource = thing(
        "module('templates.t', thingworx.template.extend)\n\
         properties.a = { baseType = 'NUMBER', pushType = 'ALWAYS', value = 1, handler = 'test' }\n\
         properties.b = { baseType = 'NUMBER', pushType = 'ALWAYS', value = 2, handlers = 'test' }\n",
    );
    let _running = resource.start();
    resource.serves("T");
    assert_eq!(resource.property("T", "b"), 2);
    let read = resource.get("/scripts/Thingworx/Things/T/Properties/a");
    assert_eq!(read.status, 500, "{}", read.text());
}

#[test]
fn an_error_in_a_task_is_logged_with_its_place_and_the_thing_goes_on() {
    let resource = Resource::alone("scripts.T = { file = 'thing.lua', template = 't', taskRate = 1000 }");
    resource.file(
        "custom/templates/t.lua",
        "module('templates.t', thingworx.template.extend)\n\
         properties.runs = { baseType = 'NUMBER', pushType = 'NEVER', value = 0 }\n\
         tasks.bad = function(me)\n\
           properties.runs.value = properties.runs.value + 1\n\
           error('sensor gone')\n\
         end\n",
    );
    let running = resource.start();
    resource.serves("T");
    wait_for("the task runs again", || resource.property("T", "runs").as_f64(), |runs| *runs >= Some(2.0));
    assert_eq!(resource.get("/scripts/T/status").text(), "Running\n");
    let output = running.output();
    assert!(output.contains("templates/t.lua:5: sensor gone"), "{output}");
    assert!(output.contains("stack traceback:"), "{output}");
}

#[test]
fn files_of_the_vendor_s_framework_change_nothing() {
    let resource = thing(&service("return 200, json.encode { ok = true }"));
    for poisoned in ["lua/json.lua", "lua/utils.lua", "scripts/thing.lua", "scripts/thingworx.lua"] {
        resource.file(&format!("thingworx/{poisoned}"), "error('poisoned')\n");
    }
    let running = resource.start();
    resource.serves("T");
    assert_eq!(resource.result("T", "Run"), "{\"ok\":true}");
    assert!(!running.output().contains("poisoned"), "{}", running.output());
}

#[test]
fn a_template_with_an_error_says_where_and_leaves_the_others_alone() {
    let scripts = "scripts.T = { file = 'thing.lua', template = 't' }\n\
                   scripts.Bad = { file = 'thing.lua', template = 'bad' }";
    let resource = Resource::alone(scripts);
    resource.file("custom/templates/t.lua", "module('templates.t', thingworx.template.extend)\n");
    resource.file(
        "custom/templates/bad.lua",
        "module('templates.bad', thingworx.template.extend)\nproperties.x = nothing.there\n",
    );
    let _running = resource.start();
    resource.serves("T");
    wait_for(
        "the bad script ends",
        || resource.get("/scripts/Bad/status").text(),
        |status| status == "Finished\n",
    );
    let result = resource.get("/scripts/Bad/result").text();
    assert!(result.contains("templates/bad.lua:2: attempt to index"), "{result}");
    let request = resource.ask(&Request::get("/scripts/Thingworx/Things/Bad/Properties/x"));
    assert_eq!(request.status, 404);
}
