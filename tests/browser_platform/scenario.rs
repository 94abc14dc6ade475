//! Scenario D by the page: connected, browse, add, read, write, call, disconnected.

use serde_json::json;

use super::{
    browser::{Browser, page},
    support::{EDGE_GATEWAY, Site},
};

#[test]
fn a_person_finds_adds_reads_writes_and_calls_what_an_edge_offers() {
    let site = Site::new([json!({"name": "Pump", "description": "behind the gateway"})]);
    let platform = site.platform();
    let browser = Browser::start();
    browser.show_as(1280, 900, false);
    browser.open(&page(&platform));
    browser.text_of("[data-thing=Pump] .link", |text| text == "never connected");
    browser.text_of("#state", |text| text == "0 of 2 things connected");
    let address = browser.run("return location.href");
    assert!(!address.as_str().expect("a text").contains(&site.key), "the key leaves the address: {address}");

    // It becomes connected.
    let mut gateway = site.gateway();
    site.ready(&gateway);
    let mut agents = site.agents(&["--name", "Pump", "--rate", "10", "--event-every", "200"]);
    let gateway_row = format!("[data-thing={EDGE_GATEWAY}] .link");
    browser.text_of(&gateway_row, |text| text.starts_with("connected since"));
    browser.text_of("[data-thing=Pump] .link", |text| text.starts_with("connected since"));
    browser.text_of("#state", |text| text == "2 of 2 things connected");
    browser.click("[data-thing=Pump] a");
    browser.text_of("#thing .link", |text| text.starts_with("connected since"));
    assert_eq!(browser.run("return document.querySelectorAll('[data-property]').length"), 0);

    // Browse, add some, add the rest.
    browser.click("#remote button");
    browser.text_of("#remote .note", |text| text.contains("at the edge"));
    browser.click("[data-remote=temperature] input");
    browser.click("[data-remote=Add] input");
    browser.click("#remote button[type=submit]");
    browser.text_of("[data-property=temperature] strong", |text| text == "temperature");
    browser.text_of("[data-service=Add] strong", |text| text == "Add(a, b)");
    browser.text_of("#remote .note", |text| text == "Added 2.");
    assert_eq!(browser.run("return document.querySelectorAll('[data-property], [data-service]').length"), 2);
    assert_eq!(
        browser.run("return document.querySelector('[data-remote=temperature] input').disabled"),
        true
    );
    browser.click("#remote form .main");
    browser.text_of("[data-property=label] strong", |text| text == "label");
    browser.text_of("[data-service=Fail] strong", |text| text == "Fail()");

    // Values arrive by themselves, are read, and are written: what was written is what the edge pushes back.
    let first = browser.text_of("[data-property=temperature] .value", |text| text != "\u{2013}");
    browser.text_of("[data-property=temperature] .value", |text| text != first);
    browser.click("[data-property=count] [aria-label='Read count']");
    browser
        .text_of("[data-property=count] .note", |text| text.starts_with("Read ") && text.ends_with(" ms."));
    browser.click("[aria-label='Write label']");
    browser.write("[data-property=label] form input", "from the \u{201c}page\u{201d} \u{e4}");
    browser.click("[aria-label='Write label now']");
    browser.text_of("[data-property=label] .note", |text| text.starts_with("Written in "));
    browser.text_of("[data-property=label] .value", |text| text == "from the \u{201c}page\u{201d} \u{e4}");
    browser.click("[aria-label='Write temperature']");
    browser.write("[data-property=temperature] form input", "warm");
    browser.click("[aria-label='Write temperature now']");
    browser.text_of("[data-property=temperature] .note", |text| text == "temperature: warm is not a number.");

    // The history is drawn and goes on.
    browser.click("[aria-label='History temperature']");
    let drawn =
        "return document.querySelector('[data-property=temperature] path')?.getAttribute('d') ?? null";
    let line = browser.until("the chart", drawn);
    let grown = format!("const line = (() => {{ {drawn} }})(); return line !== null && line !== {line}");
    browser.until("a new value in the chart", &grown);

    // Calls, by forms made from the inputs.
    browser.write("[data-service=Add] label:nth-of-type(1) input", "2");
    browser.write("[data-service=Add] label:nth-of-type(2) input", "3.5");
    browser.click("[aria-label='Call Add']");
    browser.text_of("[data-service=Add] output", |text| text == "5.5");
    browser.write("[data-service=Echo] input", "hello <b>edge</b>");
    browser.click("[aria-label='Call Echo']");
    browser.text_of("[data-service=Echo] output", |text| text == "hello <b>edge</b>");
    browser.text_of("#events li", |text| text.contains("Heartbeat"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
    browser.click("[aria-label='Call Fail']");
    browser.text_of("[data-service=Fail] .note", |text| text.contains("t failed"));
    // The refusal is all that the console tells.
    let told = browser.complaints();
    assert!(told.len() == 1 && told[0].contains("/Services/Fail"), "{told:?}");

    the_wire_is_shown(&browser, &site.key);

    // It is gone, and the page says so by itself.
    browser.run("location.hash = '#/things/Pump'");
    browser.text_of("#thing .link", |text| text.starts_with("connected since"));
    assert!(agents.terminate().success());
    browser.text_of("#thing .link", |text| text.starts_with("not connected, last "));
    assert!(gateway.terminate().success());
    browser.click("#thing .back a");
    browser.text_of(&gateway_row, |text| text.starts_with("not connected"));
    browser.text_of("#state", |text| text == "0 of 2 things connected");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// The last messages, decoded, with filter and pause.
fn the_wire_is_shown(browser: &Browser, key: &str) {
    browser.click("#thing .title a");
    browser.until("messages", "return document.querySelectorAll('#lines li').length > 4");
    let all_are_its =
        "return [...document.querySelectorAll('#lines li')].every(li => /Pump/.test(li.textContent))";
    assert_eq!(browser.run(all_are_its), true);
    browser.write("#wire-filter", "heartBEAT");
    browser.until(
        "only events and their answers",
        "const lines = [...document.querySelectorAll('#lines li .title')];
         return lines.length > 1 && lines.every(line => /POST Pump Events\\/Heartbeat/.test(line.textContent))",
    );
    browser.click("#wire-pause");
    let shown = "return document.querySelectorAll('#lines li').length";
    let (before, state) = (browser.run(shown), browser.text_of("#wire-state", |text| text.contains(" new")));
    browser.text_of("#wire-state", |text| text.contains(" new") && text != state);
    assert_eq!(browser.run(shown), before);
    browser.click("#lines li:last-child summary");
    browser.text_of("#lines li:last-child pre", |text| text.contains("request "));
    browser.click("#wire-pause");
    browser.until("the messages of the pause", &format!("return (() => {{ {shown} }})() > {before}"));
    let secret = format!("return document.documentElement.outerHTML.includes('{key}')");
    assert_eq!(browser.run(&secret), false);
}
