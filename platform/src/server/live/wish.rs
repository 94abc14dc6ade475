//! What a page says over its live socket.

use std::collections::BTreeSet;

use serde::Deserialize;

/// One text message of the page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// It has taken the last picture, or just lives: `ok`.
    Taken,
    /// It shows these things: `{"watch": ["Pump-1"]}`; their properties, values and events are told from now on.
    Watch(BTreeSet<String>),
    /// It shows the wire, with this filter: `{"wire": "text"}`; `{"wire": null}` ends it.
    Wire(Option<String>),
}

impl Wish {
    /// Most things that a page shows at a time.
    pub(super) const MOST_WATCHED: usize = 200;
    /// Longest message in bytes.
    pub(super) const LONGEST: usize = 128 * 1024;

    /// What `text` says; `None` if it is nothing that a page says.
    pub(super) fn read(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        enum Told {
            Watch(BTreeSet<String>),
            Wire(Option<String>),
        }
        if text == "ok" {
            return Some(Self::Taken);
        }
        match serde_json::from_str(text).ok()? {
            Told::Watch(things) if things.len() <= Self::MOST_WATCHED => Some(Self::Watch(things)),
            Told::Watch(_) => None,
            Told::Wire(filter) => Some(Self::Wire(filter)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_few_things_and_everything_else_is_refused() {
        let names = ["A".to_owned(), "B".to_owned()];
        assert_eq!(Wish::read("ok"), Some(Wish::Taken));
        assert_eq!(Wish::read(r#"{"watch":["B","A"]}"#), Some(Wish::Watch(names.into())));
        assert_eq!(Wish::read(r#"{"wire":"x"}"#), Some(Wish::Wire(Some("x".to_owned()))));
        assert_eq!(Wish::read(r#"{"wire":null}"#), Some(Wish::Wire(None)));
        let many: Vec<String> = (0..=Wish::MOST_WATCHED).map(|number| number.to_string()).collect();
        let many = serde_json::json!({ "watch": many }).to_string();
        for wrong in ["", "OK", "{}", r#"{"watch":"A"}"#, r#"{"else":1}"#, many.as_str()] {
            assert_eq!(Wish::read(wrong), None, "{wrong}");
        }
    }
}
