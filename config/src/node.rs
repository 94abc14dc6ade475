//! The tree a layer is read into: values that know where they came from.

use std::ops::Range;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Bytes of the file's text.
    File(Range<usize>),
    /// An environment variable.
    Environment(String),
    /// An override, a flag of the command line.
    Flag(String),
    /// Nowhere in particular: the file as a whole.
    Whole,
}

impl Place {
    /// Whether the layer carries nothing but text, so that a number in text is no oddity.
    pub(crate) fn is_text_only(&self) -> bool {
        matches!(self, Self::Environment(_) | Self::Flag(_))
    }

    /// Writes the place as text, the only thing a value of the `config` crate remembers of its origin.
    pub(crate) fn encode(&self) -> String {
        match self {
            Self::File(range) => format!("f:{}:{}", range.start, range.end),
            Self::Environment(name) => format!("e:{name}"),
            Self::Flag(key) => format!("o:{key}"),
            Self::Whole => String::new(),
        }
    }

    /// Reads what [`Place::encode`] wrote.
    pub(crate) fn decode(text: &str) -> Self {
        let range = |rest: &str| {
            let (start, end) = rest.split_once(':')?;
            Some(start.parse().ok()?..end.parse().ok()?)
        };
        match text.split_once(':') {
            Some(("f", rest)) => range(rest).map_or(Self::Whole, Self::File),
            Some(("e", name)) => Self::Environment(name.to_owned()),
            Some(("o", key)) => Self::Flag(key.to_owned()),
            _ => Self::Whole,
        }
    }
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: NodeValue,
}

/// What JSON can say; numbers stay text until somebody knows what they are for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NodeValue {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table, with its place, and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Node {
    pub(crate) fn new(place: Place, value: NodeValue) -> Self {
        Self { place, value }
    }

    /// Says what was found, for a person; a secret only by its type.
    pub(crate) fn describe(&self, secret: bool) -> String {
        match &self.value {
            NodeValue::Null => "null".to_owned(),
            NodeValue::Bool(value) => format!("{value}"),
            NodeValue::Number(_) if secret => "a number".to_owned(),
            NodeValue::Number(text) => shorten(text),
            NodeValue::Text(_) if secret => "a text".to_owned(),
            NodeValue::Text(text) => format!("the text \"{}\"", shorten(text)),
            NodeValue::List(items) => format!("a list of {}", items.len()),
            NodeValue::Table(entries) => {
                format!("a table of {} key{}", entries.len(), if entries.len() == 1 { "" } else { "s" })
            }
        }
    }

    /// Gives every place below and including this one to `place`: a text of the environment has no lines.
    pub(crate) fn placed(mut self, place: &Place) -> Self {
        self.place = place.clone();
        self.value = match self.value {
            NodeValue::List(items) => {
                NodeValue::List(items.into_iter().map(|item| item.placed(place)).collect())
            }
            NodeValue::Table(entries) => NodeValue::Table(
                entries
                    .into_iter()
                    .map(|entry| Entry {
                        name: entry.name,
                        place: place.clone(),
                        node: entry.node.placed(place),
                    })
                    .collect(),
            ),
            other => other,
        };
        self
    }

    /// Writes the node as JSON.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(value) => Value::Bool(*value),
            NodeValue::Number(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
            }
            NodeValue::Text(text) => Value::String(text.clone()),
            NodeValue::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            NodeValue::Table(entries) => Value::Object(
                entries.iter().map(|entry| (entry.name.clone(), entry.node.to_json())).collect(),
            ),
        }
    }
}

/// Replaces control characters: none from outside ever reaches a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Cuts a text for a message.
pub(crate) fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = text.chars().take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_being_written_as_text() {
        for place in [
            Place::File(3..17),
            Place::Environment("EDGEBIND_X".to_owned()),
            Place::Flag("a.b:c".to_owned()),
            Place::Whole,
        ] {
            assert_eq!(Place::decode(&place.encode()), place);
        }
        assert_eq!(Place::decode("f:x:y"), Place::Whole);
    }
}
