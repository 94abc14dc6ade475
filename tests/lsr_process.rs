//! The script resource as a process: arguments, exit codes, shutdown, log (script resource notes, 1.1, 1.2, 1.8).
#![cfg(unix)]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::{fs, process::Command};

use support::{Request, Scripts, edgebind, wait_for};

#[test]
fn a_line_q_stops_and_the_end_of_standard_input_does_not() {
    let scripts = Scripts::new("");
    let mut typed = scripts.start();
    scripts.address(&typed);
    typed.type_in("hello\nq\n");
    assert_eq!(typed.ended().code(), Some(0));
    assert!(!scripts.folder().join("state/ready.json").exists(), "an ended process is not ready");

    let mut silent = scripts.start();
    let address = scripts.address(&silent);
    silent.end_input();
    let help = scripts.send(&address, &Request::get("/"));
    assert_eq!((help.status, help.header("content-type")), (200, Some("text/html")));
    assert!(silent.runs());
    assert_eq!(silent.terminate().code(), Some(0), "{}", silent.output());

    let mut interrupted = scripts.start();
    scripts.address(&interrupted);
    interrupted.signal("-INT");
    assert_eq!(interrupted.ended().code(), Some(0));
}

#[test]
fn what_is_wrong_with_the_configuration_is_said_with_its_place_and_the_exit_code_of_each_name() {
    for (config, texts) in [
        ("scripts.a = = 1", vec!["etc/config.lua:1: unexpected symbol near '='", "1 | scripts.a = = 1"]),
        (
            "scripts.script_resource_ssl = false",
            vec!["script_resource_authenticate", "Insecure configuration."],
        ),
        (
            "scripts.script_resource_ssl = true scripts.script_resource_authenticate = false",
            vec!["script_resource_ssl = true"],
        ),
        (
            "scripts.script_resource_ssl = false scripts.script_resource_authenticate = true",
            vec!["script_resource_userid", "Insecure configuration. Shutting down LSR."],
        ),
    ] {
        let scripts = Scripts::bare(config);
        for (mut process, code) in [(scripts.start(), 78), (scripts.start_as_original(&[]), 1)] {
            assert_eq!(process.ended().code(), Some(code), "{config}");
            for text in &texts {
                assert!(process.output().contains(text), "{text:?} in {}", process.output());
            }
            assert!(process.output().starts_with("[ERROR] 2"), "{}", process.output());
        }
    }
    let scripts = Scripts::new("");
    fs::remove_file(scripts.folder().join("etc/config.lua")).unwrap();
    let mut missing = scripts.start();
    assert_eq!(missing.ended().code(), Some(78));
    assert!(missing.output().contains("etc/config.lua: No such file"), "{}", missing.output());
    let mut missing = scripts.start_as_original(&["-cfg", "etc/other.lua"]);
    assert_eq!(missing.ended().code(), Some(1));
    assert!(missing.output().contains("etc/other.lua"), "{}", missing.output());
}

#[test]
fn the_name_of_the_original_takes_its_arguments() {
    let scripts = Scripts::new("");
    let mut version = scripts.start_as_original(&["-version"]);
    assert_eq!(version.ended().code(), Some(0));
    assert!(version.output().starts_with("Version 5.4.0.114\n"), "{}", version.output());

    let mut wrong = scripts.start_as_original(&["-nonsense"]);
    assert_eq!(wrong.ended().code(), Some(1));
    let said = wrong.output();
    assert!(said.contains("Invalid Argument") && said.contains("Usage: luaScriptResource"), "{said}");

    // Without -cfg the file beside the program is taken.
    let mut running = scripts.start_as_original(&["-service"]);
    let address = scripts.address_in(".local/state/edgebind/lsr", &running);
    assert_eq!(scripts.send(&address, &Request::get("/")).status, 200);
    running.type_in("q\n");
    assert_eq!(scripts.send(&address, &Request::get("/")).status, 200, "a service has no console");
    assert_eq!(running.terminate().code(), Some(0));
}

#[test]
fn an_encrypted_value_stands_between_two_rows_and_opens_in_the_configuration() {
    let sealed = Scripts::new("");
    let mut encrypt = sealed.start_with(&["-encrypt", "pass:word"]);
    assert_eq!(encrypt.ended().code(), Some(0));
    let text = encrypt.output();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[1], lines[0]), (4, "Encrypted String", lines[3]));
    assert!(lines[0].len() > 3 && lines[0].chars().all(|c| c == '#'), "{text}");
    assert!(lines[2].starts_with("EB1:") && !lines[2].contains("pass"), "{text}");

    let password = |value: &str| {
        format!(
            "scripts.script_resource_port = 0 scripts.script_resource_ssl = false\n\
             scripts.script_resource_authenticate = true scripts.script_resource_userid = 'user'\n\
             scripts.script_resource_password = '{value}'"
        )
    };
    sealed.file("config.lua", &password(lines[2]));
    let process = sealed.start();
    let address = sealed.address(&process);
    let right = Request::get("/").header("Authorization", "Basic dXNlcjpwYXNzOndvcmQ=");
    assert_eq!(sealed.send(&address, &right).status, 200);
    assert_eq!(sealed.send(&address, &Request::get("/")).status, 401);

    let foreign = Scripts::bare(&password("AES:c2VjcmV0"));
    let mut refused = foreign.start();
    assert_eq!(refused.ended().code(), Some(78));
    assert!(refused.output().contains("encrypted by the original"), "{}", refused.output());
}

#[test]
fn log_lines_are_those_of_the_original_and_its_files_are_written() {
    let scripts = Scripts::new(
        "scripts.log_level = 'WARN'\nscripts.log_publish_directory = 'logs'\nscripts.log_publish_level = 'INFO'\n\
         scripts.rap_prot = 1",
    );
    let mut process = scripts.start();
    scripts.address(&process);
    assert_eq!(process.terminate().code(), Some(0));
    let said = process.output();
    let [line] = said.lines().collect::<Vec<_>>()[..] else { panic!("one line at WARN: {said}") };
    assert!(line.starts_with("[WARN ] 20") && line.contains(" main: scripts.rap_prot"), "{line}");
    let file = fs::read_to_string(scripts.folder().join("logs/luaScriptResource_log1.log")).unwrap();
    assert!(file.contains("[INFO ] ") && file.contains(" main: Listening for requests"), "{file}");
    assert_eq!(process.log(), "", "nothing goes to standard error");
}

#[test]
fn a_script_that_cannot_start_is_said_by_log_and_status_and_the_process_runs() {
    let scripts = Scripts::new("scripts.absent = { file = 'absent.lua' }");
    let process = scripts.start();
    scripts.address(&process);
    wait_for("the line", || process.output(), |said| said.contains("Script absent does not start"));
    let status = |further: &[&str]| {
        let mut command: Command = edgebind();
        command.args(["status", "--lsr", "--state-dir", "state"]).args(further);
        command.current_dir(scripts.folder()).output().unwrap()
    };
    let people = status(&[]);
    assert_eq!(people.status.code(), Some(1));
    let text = String::from_utf8(people.stdout).unwrap();
    assert!(text.contains("script resource") && text.contains("absent"), "{text}");
    let programs: serde_json::Value = serde_json::from_slice(&status(&["--json"]).stdout).unwrap();
    assert_eq!(programs["status"]["health"], "degraded");
    assert_eq!(programs["tree"]["id"], "lsr");
}
