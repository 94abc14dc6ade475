//! The page at every size, in dark and light, by keyboard, and with thousands of things.

use serde_json::{Value, json};

use super::{
    browser::{Browser, page},
    support::Site,
};

#[test]
fn the_page_fits_a_phone_and_a_desk_in_dark_and_light() {
    let long = "a-very-long-name-without-any-blank-".repeat(6);
    let site = Site::new([thing("Pump"), thing(&long)]);
    let platform = site.platform();
    let browser = Browser::start();
    browser.open(&page(&platform));
    browser.until("the list", "return document.querySelectorAll('.row').length > 1");
    let mut grounds = Vec::new();
    for (width, height) in [(390, 844), (1280, 800)] {
        for dark in [false, true] {
            browser.show_as(width, height, dark);
            for (view, present) in
                [("#/things", ".row"), ("#/things/Pump", "[data-service=Add]"), ("#/wire", "#wire-pause")]
            {
                browser.run(&format!("location.hash = '{view}'"));
                browser.until(view, &format!("return document.querySelector('{present}')?.offsetParent"));
                let place = format!("{view} at {width} px, dark {dark}");
                let overflow = browser.run("return document.documentElement.scrollWidth - innerWidth");
                assert_eq!(overflow, 0, "{place}: wider than the window");
                let pale = browser.run(PALE_TEXTS);
                assert_eq!(pale, json!([]), "{place}: texts with a contrast below 4.5");
            }
            grounds.push(browser.run("return getComputedStyle(document.body).backgroundColor"));
        }
    }
    assert_eq!((&grounds[0], &grounds[1]), (&grounds[2], &grounds[3]), "{grounds:?}");
    assert_ne!(grounds[0], grounds[1], "dark and light look the same");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn everything_is_reached_by_tab_and_shows_where_it_is() {
    let site = Site::new([thing("Pump")]);
    let platform = site.platform();
    let browser = Browser::start();
    browser.show_as(390, 844, false);
    browser.open(&page(&platform));
    browser.until("the list", "return document.querySelectorAll('.row').length > 1");
    for (view, present) in
        [("#/things", ".row"), ("#/things/Pump", "[data-service=Add]"), ("#/wire", "#wire-pause")]
    {
        browser.run(&format!("location.hash = '{view}'"));
        browser.until(view, &format!("return document.querySelector('{present}')?.offsetParent"));
        browser.run("document.activeElement.blur(); scrollTo(0, 0)");
        let wanted =
            browser.run(&format!("window.toReach = new Set({CONTROLS}); return window.toReach.size"));
        assert!(wanted.as_u64().is_some_and(|count| count >= 4), "{view}: {wanted} controls");
        // A field for date and time has several stops.
        for _ in 0..wanted.as_u64().unwrap_or_default() + 10 {
            browser.press_tab();
            let hidden = browser.run(NO_FOCUS_SHOWN);
            assert_eq!(hidden, Value::Null, "{view}: the focus cannot be seen");
        }
        let missed = browser.run("return [...window.toReach].map(element => element.outerHTML)");
        assert_eq!(missed, json!([]), "{view}: not reached by Tab");
        let nameless = browser.run(&format!(
            "return {CONTROLS}.filter(element => !(element.getAttribute('aria-label') || element.textContent.trim()
             || element.labels?.[0]?.textContent.trim())).map(element => element.outerHTML)"
        ));
        assert_eq!(nameless, json!([]), "{view}: without a name");
    }
}

#[test]
fn two_thousand_things_stay_quick() {
    let site = Site::new((1..=2000).map(|number| thing(&format!("Thing-{number:04}"))));
    let platform = site.platform();
    let browser = Browser::start();
    browser.show_as(1280, 800, false);
    browser.open(&page(&platform));
    browser.text_of("#state", |text| text == "0 of 2001 things connected");
    browser.until("the first row", "return document.querySelector('[data-thing=Thing-0001]')");
    let rows = browser.run("return document.querySelectorAll('.row').length");
    assert!(rows.as_u64().is_some_and(|rows| rows < 60), "{rows} rows are in the page");
    browser.run("scrollTo(0, document.documentElement.scrollHeight)");
    browser.until(
        "the last row, where it can be seen",
        "const row = document.querySelector('[data-thing=Thing-2000]')?.getBoundingClientRect();
         return row && row.top > 0 && row.bottom <= innerHeight",
    );
    assert_eq!(browser.run("return document.querySelectorAll('.row').length < 60"), true);
    // A thing and back: the place in the list is the same.
    browser.click("[data-thing='Thing-1998'] a");
    browser.text_of("#thing-title", |text| text == "Thing-1998");
    browser.click("#thing .back a");
    browser.until("the same place", "return document.querySelector('[data-thing=Thing-2000]')");
    browser.write("#search", "thing-012");
    browser.text_of("#found", |text| text == "10 things found");
    browser.until("ten rows", "return document.querySelectorAll('.row').length === 10");
    let frames = browser.run(SLOWEST_FRAME);
    assert!(frames.as_f64().is_some_and(|ms| ms < 500.0), "a search takes {frames} ms");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

fn thing(name: &str) -> Value {
    let property = |name: &str, base_type: &str, value: Value| json!({"name": name, "baseType": base_type, "value": value, "time": 1_700_000_000_000_i64});
    json!({
        "name": name,
        "description": "something with a description that is longer than a phone is wide",
        "properties": [
            property("speed", "NUMBER", json!(900.5)),
            property("label", "STRING", json!("x".repeat(120))),
            property("place", "LOCATION", json!({"latitude": 1.0, "longitude": 2.0, "elevation": 3.0})),
            property("running", "BOOLEAN", json!(true)),
        ],
        "services": [{
            "name": "Add",
            "inputs": [{"name": "a", "baseType": "NUMBER"}, {"name": "when", "baseType": "DATETIME"}],
            "output": {"baseType": "NUMBER"},
        }],
    })
}

/// Everything that can be operated and seen.
const CONTROLS: &str =
    "[...document.querySelectorAll('a[href], button:enabled, input:enabled, select, textarea, summary')]
    .filter(element => element.offsetParent !== null)";
/// Strikes the focused element off; gives it if nothing shows that it has the focus.
const NO_FOCUS_SHOWN: &str = "const element = document.activeElement;
    if (!element || element === document.body) return null;
    window.toReach.delete(element);
    const style = getComputedStyle(element);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1 ? null : element.outerHTML";
/// Elements with text of their own that stands out too little from what is behind it (WCAG 2, 1.4.3).
const PALE_TEXTS: &str = "
    const numbers = text => text.match(/[\\d.]+/g).map(Number);
    const light = text => {
        const [r, g, b] = numbers(text).map(part => part / 255)
            .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = element => {
        for (let at = element; at; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor;
            if ((numbers(color)[3] ?? 1) > 0.9) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    const says = element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    return [...document.body.querySelectorAll('*')]
        .filter(element => element.offsetParent !== null && !element.disabled && says(element))
        .filter(element => {
            const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
        })
        .map(element => element.outerHTML.slice(0, 120));";
/// Searches all things and gives the milliseconds until that is painted.
const SLOWEST_FRAME: &str = "
    const field = document.getElementById('search');
    const begun = performance.now();
    field.value = '';
    field.dispatchEvent(new Event('input'));
    return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(
        () => done(performance.now() - begun)))));";
