//! Single values: from what stands in the file to what the model takes.

use config::{Value, ValueKind};

use super::{Normaliser, join};
use crate::diagnostic::Code;
use crate::node::{Node, NodeValue, shorten};
use crate::schema::{Key, Kind};
use crate::secrets::Reference;

impl Normaliser<'_> {
    /// Reads a value that is no group and no list of tables.
    pub(super) fn leaf(&mut self, node: &Node, key: &'static Key, path: &str) -> Option<ValueKind> {
        match &key.kind {
            Kind::Group(_) => self.refuse(node, path, "a table in braces"),
            Kind::Records(_) => self.refuse(node, path, "a list of tables: [ { … }, … ]"),
            Kind::Text => self.text(node, path),
            Kind::Bool => self.boolean(node, path),
            Kind::StrictBool => self.strict_boolean(node, path),
            Kind::Integer { least, most, text } => {
                let allowed = format!("a whole number from {least} to {most}");
                self.whole_number(node, path, *least, *most, *text, &allowed)
            }
            Kind::Millis { least, most } => {
                let allowed = format!("a whole number of milliseconds from {least} to {most}");
                self.whole_number(node, path, *least, *most, true, &allowed)
            }
            Kind::Fraction { least, most } => self.fraction(node, path, *least, *most),
            Kind::Word { words, otherwise } => self.word(node, path, words, *otherwise),
            Kind::Secret => self.secret(node, path).map(|reference| reference.encode()),
            Kind::Texts => self.texts(node, path),
            Kind::Pairs { secret } => self.pairs(node, path, *secret),
            Kind::Raw => Some(ValueKind::String(node.to_json().to_string())),
        }
    }

    fn refuse<T>(&mut self, node: &Node, path: &str, allowed: &str) -> Option<T> {
        self.wrong_type(node, path, allowed, false);
        None
    }

    /// Warns that a value was understood although it is written as another type.
    fn converted(&mut self, node: &Node, path: &str, secret: bool, meant: &str) {
        if !node.place.is_text_only() {
            let message = format!("found {}, taken as {meant}", node.describe(secret));
            self.report
                .warning(Code::Converted, path, &node.place, message)
                .help("the original does not accept this");
        }
    }

    fn text(&mut self, node: &Node, path: &str) -> Option<ValueKind> {
        match &node.value {
            NodeValue::Text(text) => Some(ValueKind::String(text.clone())),
            NodeValue::Number(text) => {
                self.converted(node, path, false, "text");
                Some(ValueKind::String(text.clone()))
            }
            NodeValue::Bool(value) => {
                self.converted(node, path, false, "text");
                Some(ValueKind::String(value.to_string()))
            }
            _ => self.refuse(node, path, "a text in double quotes"),
        }
    }

    fn boolean(&mut self, node: &Node, path: &str) -> Option<ValueKind> {
        let value = match &node.value {
            NodeValue::Bool(value) => return Some(ValueKind::Boolean(*value)),
            NodeValue::Text(text) if text.trim().eq_ignore_ascii_case("true") => true,
            NodeValue::Text(text) if text.trim().eq_ignore_ascii_case("false") => false,
            _ => return self.refuse(node, path, "true or false"),
        };
        self.converted(node, path, false, if value { "true" } else { "false" });
        Some(ValueKind::Boolean(value))
    }

    fn strict_boolean(&mut self, node: &Node, path: &str) -> Option<ValueKind> {
        if let NodeValue::Bool(value) = node.value {
            return Some(ValueKind::Boolean(value));
        }
        let message = format!("found {}, allowed is true or false; taken as false", node.describe(false));
        self.report
            .warning(Code::WrongType, path, &node.place, message)
            .help("only true without quotes makes an entry the gateway, here as with the original");
        Some(ValueKind::Boolean(false))
    }

    fn whole_number(
        &mut self,
        node: &Node,
        path: &str,
        least: i64,
        most: i64,
        text_allowed: bool,
        allowed: &str,
    ) -> Option<ValueKind> {
        let (text, quoted) = match &node.value {
            NodeValue::Number(text) => (text, false),
            NodeValue::Text(text) if text_allowed || node.place.is_text_only() => (text, true),
            _ => return self.refuse(node, path, allowed),
        };
        let Some(number) = whole(text) else {
            return self.refuse(node, path, allowed);
        };
        if !(least..=most).contains(&number) {
            let message = format!("found {}, allowed is {allowed}", shorten(text));
            self.report.error(Code::OutOfRange, path, &node.place, message);
            return None;
        }
        if quoted {
            self.converted(node, path, false, &format!("the number {number}"));
        }
        Some(ValueKind::I64(number))
    }

    fn fraction(&mut self, node: &Node, path: &str, least: f64, most: f64) -> Option<ValueKind> {
        let allowed = format!("a number from {least} to {most}");
        let (text, quoted) = match &node.value {
            NodeValue::Number(text) => (text, false),
            NodeValue::Text(text) => (text, true),
            _ => return self.refuse(node, path, &allowed),
        };
        let Some(number) = text.trim().parse::<f64>().ok().filter(|number| number.is_finite()) else {
            return self.refuse(node, path, &allowed);
        };
        if !(least..=most).contains(&number) {
            let message = format!("found {}, allowed is {allowed}", shorten(text));
            self.report.error(Code::OutOfRange, path, &node.place, message);
            return None;
        }
        if quoted {
            self.converted(node, path, false, &format!("the number {number}"));
        }
        Some(ValueKind::Float(number))
    }

    fn word(
        &mut self,
        node: &Node,
        path: &str,
        words: &'static [&'static str],
        otherwise: Option<&'static str>,
    ) -> Option<ValueKind> {
        let allowed = one_of(words);
        let NodeValue::Text(text) = &node.value else {
            return self.refuse(node, path, &allowed);
        };
        if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(text.trim())) {
            return Some(ValueKind::String((*word).to_owned()));
        }
        let message = format!("found \"{}\", allowed is {allowed}", shorten(text));
        match otherwise {
            Some(word) => {
                let message = format!("{message}; taken as \"{word}\"");
                self.report.warning(Code::UnknownWord, path, &node.place, message);
                Some(ValueKind::String(word.to_owned()))
            }
            None => {
                self.report.error(Code::UnknownWord, path, &node.place, message);
                None
            }
        }
    }

    fn secret(&mut self, node: &Node, path: &str) -> Option<Reference> {
        const ALLOWED: &str =
            "a text, or a table with one of the keys env, file, credential: {\"env\": \"NAME\"}";
        match &node.value {
            NodeValue::Text(text) => Some(Reference::Value(text.clone())),
            NodeValue::Number(text) => {
                self.converted(node, path, true, "text");
                Some(Reference::Value(text.clone()))
            }
            NodeValue::Table(entries) => {
                let reference = match entries.as_slice() {
                    [entry] => match &entry.node.value {
                        NodeValue::Text(text) => Reference::named(&entry.name, text),
                        _ => None,
                    },
                    _ => None,
                };
                if reference.is_none() {
                    self.wrong_type(node, path, ALLOWED, true);
                }
                reference
            }
            _ => {
                self.wrong_type(node, path, ALLOWED, true);
                None
            }
        }
    }

    fn texts(&mut self, node: &Node, path: &str) -> Option<ValueKind> {
        match &node.value {
            NodeValue::Text(text) => {
                Some(ValueKind::Array(vec![Value::new(Some(&node.place.encode()), text.clone())]))
            }
            NodeValue::List(items) => {
                let mut texts = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    let NodeValue::Text(text) = &item.value else {
                        return self.refuse(item, &format!("{path}[{index}]"), "a text in double quotes");
                    };
                    texts.push(Value::new(Some(&item.place.encode()), text.clone()));
                }
                Some(ValueKind::Array(texts))
            }
            _ => self.refuse(node, path, "a text or a list of texts"),
        }
    }

    /// Reads named texts into a list of names and references: a list, because a list is replaced as a whole by a
    /// later layer, and because names may hold dots.
    fn pairs(&mut self, node: &Node, path: &str, secret: bool) -> Option<ValueKind> {
        const ALLOWED: &str = "a table of texts, or \"name=value,name=value\"";
        let mut pairs = Vec::new();
        let mut push = |name: &str, reference: Reference| {
            let name = Value::new(None, name);
            pairs.push(Value::new(None, vec![name, Value::new(None, reference.encode())]));
        };
        match &node.value {
            NodeValue::Table(entries) => {
                for entry in entries {
                    let path = join(path, &shorten(&entry.name));
                    let reference = if secret {
                        self.secret(&entry.node, &path)?
                    } else {
                        match self.text(&entry.node, &path)? {
                            ValueKind::String(text) => Reference::Value(text),
                            _ => return None,
                        }
                    };
                    push(&entry.name, reference);
                }
            }
            NodeValue::Text(text) => {
                for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
                    let Some((name, value)) = pair.split_once('=') else {
                        self.wrong_type(node, path, ALLOWED, secret);
                        return None;
                    };
                    push(name.trim(), Reference::Value(value.trim().to_owned()));
                }
            }
            _ => {
                self.wrong_type(node, path, ALLOWED, secret);
                return None;
            }
        }
        Some(ValueKind::Array(pairs))
    }
}

/// Reads a whole number; `8100.0` and `8100e-1` are whole, as the original sees it (EMS notes, 3.1).
pub(super) fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        return Some(number);
    }
    // Beyond 2^53 neighbours fall together: such a number is not what was written.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = text.parse::<f64>().ok().filter(|number| number.fract() == 0.0 && number.abs() < EXACT)?;
    format!("{number:.0}").parse().ok()
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_may_be_written_as_fractions_and_powers() {
        for (text, number) in
            [("8100", 8100), ("8100.0", 8100), ("8100e-1", 810), (" 42 ", 42), ("-5", -5), ("-0.0", 0)]
        {
            assert_eq!(whole(text), Some(number), "{text}");
        }
        for text in ["8100.5", "1e400", "1e18", "", "x", "0x10", "NaN", "inf"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn words_are_listed_as_a_sentence() {
        assert_eq!(one_of(&["a"]), "\"a\"");
        assert_eq!(one_of(&["a", "b", "c"]), "\"a\", \"b\" or \"c\"");
    }
}
