//! Writes the description for people.

use std::fmt::Write as _;

use super::hex::to_hex;
use super::json::{characteristic_name, entity_type_name, special_number};
use crate::multipart::Chunk;
use crate::wire::{Header, Incoming};
use crate::{BaseType, Body, Content, InfoTable, Message, Value};

/// Describes a message or a chunk in several lines.
pub(super) fn describe(incoming: &Incoming, trailing: &[u8]) -> String {
    let mut page = Page::default();
    match incoming {
        Incoming::Message(message) => page.message(message),
        Incoming::Chunk(chunk) => page.chunk(chunk),
    }
    if !trailing.is_empty() {
        page.line(1, format_args!("{} surplus bytes: {}", trailing.len(), digits(trailing)));
    }
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn message(&mut self, message: &Message) {
        self.head(&message.header());
        match &message.body {
            Body::Request(request) => {
                self.line(
                    1,
                    format_args!(
                        "{} {:?}, {} {:?}",
                        entity_type_name(request.entity_type),
                        request.entity,
                        characteristic_name(request.characteristic),
                        request.name
                    ),
                );
                for (name, value) in &request.headers {
                    self.line(1, format_args!("header {name:?} = {value:?}"));
                }
                self.content("params", &request.params);
            }
            Body::Response(response) => {
                if let Some(reason) = &response.reason {
                    self.line(1, format_args!("reason: {reason:?}"));
                }
                self.content("content", &response.content);
            }
            Body::Auth(auth) => {
                for claim in &auth.claims {
                    self.line(1, format_args!("claim {:?} = {MASK}", claim.name));
                }
            }
            Body::Bind(bind) => {
                if let Some(gateway) = &bind.gateway {
                    self.line(1, format_args!("gateway {:?} of type {:?}", gateway.name, gateway.template));
                }
                for name in &bind.names {
                    self.line(1, format_args!("name {name:?}"));
                }
            }
            Body::Other { bytes, .. } => {
                self.line(1, format_args!("body of {} bytes: {}", bytes.len(), digits(bytes)));
            }
        }
    }

    fn chunk(&mut self, chunk: &Chunk) {
        self.head(&chunk.header);
        self.line(1, format_args!("chunk {} of {}, chunk size {}", chunk.number, chunk.count, chunk.size));
        if let Some(entity) = &chunk.entity {
            self.line(1, format_args!("{} {:?}", entity_type_name(entity.entity_type), entity.name));
        }
        self.line(1, format_args!("data of {} bytes", chunk.data.len()));
    }

    fn head(&mut self, header: &Header) {
        let Header { code, request_id, endpoint_id, session_id, .. } = header;
        let line = format!("{code} (0x{:02x}), request {request_id}, session {session_id}", code.0);
        match endpoint_id {
            0 => self.line(0, format_args!("{line}")),
            id => self.line(0, format_args!("{line}, endpoint {id}")),
        }
    }

    fn content(&mut self, name: &str, content: &Content) {
        match content {
            Content::Nothing => self.line(1, format_args!("{name}: nothing")),
            Content::Table(table) => self.named_table(1, name, table),
            Content::Bare(value) => self.value(1, name, value),
        }
    }

    fn named_table(&mut self, depth: usize, name: &str, table: &InfoTable) {
        let (fields, rows) = (table.fields.len(), table.rows.len());
        self.line(depth, format_args!("{name}: table of {fields} columns, {rows} rows"));
        for field in &table.fields {
            let mut line = format!("column {:?} {}", field.name, field.base_type);
            if !field.description.is_empty() {
                // Writing to a String does not fail.
                let _ = write!(line, " ({})", field.description.escape_debug());
            }
            self.line(depth + 1, format_args!("{line}"));
            for aspect in &field.aspects {
                self.value(depth + 2, &aspect.name, &aspect.value);
            }
        }
        for (index, row) in table.rows.iter().enumerate() {
            self.line(depth + 1, format_args!("row {}", index + 1));
            for (field, cell) in table.fields.iter().zip(row) {
                self.value(depth + 2, &field.name, cell);
            }
        }
    }

    fn value(&mut self, depth: usize, name: &str, value: &Value) {
        let name = name.escape_debug().to_string();
        match value {
            Value::Table(table) => self.named_table(depth, &name, table),
            Value::Variant(inner) => self.value(depth, &format!("{name} = VARIANT"), inner),
            Value::Nothing => self.line(depth, format_args!("{name} = NOTHING")),
            other => self.line(depth, format_args!("{name} = {} {}", other.base_type(), plain(other))),
        }
    }

    fn line(&mut self, depth: usize, line: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.text, "{:indent$}{line}", "", indent = depth * 2);
    }
}

/// A value without parts, in one line.
fn plain(value: &Value) -> String {
    match value {
        Value::Text(BaseType::Password, _) => MASK.to_owned(),
        Value::Text(_, text) => match text.char_indices().nth(LONGEST_SHOWN) {
            None => format!("{text:?}"),
            Some((end, _)) => {
                let (shown, _) = text.split_at(end);
                format!("{shown:?}.. ({} bytes)", text.len())
            }
        },
        Value::Number(number) => double(*number),
        Value::Boolean(boolean) => boolean.to_string(),
        Value::Datetime(integer) | Value::Long(integer) => integer.to_string(),
        Value::Integer(integer) => integer.to_string(),
        Value::Location(location) => format!(
            "longitude {}, latitude {}, elevation {}",
            double(location.longitude),
            double(location.latitude),
            double(location.elevation)
        ),
        Value::Blob(bytes) | Value::Image(bytes) => format!("{} bytes: {}", bytes.len(), digits(bytes)),
        Value::Nothing | Value::Table(_) | Value::Variant(_) => value.base_type().to_string(),
    }
}

fn double(number: f64) -> String {
    special_number(number).unwrap_or_else(|| number.to_string())
}

/// Hexadecimal digits of the first bytes.
fn digits(bytes: &[u8]) -> String {
    match bytes.split_at_checked(MOST_BYTES_SHOWN) {
        Some((shown, rest)) if !rest.is_empty() => format!("{}..", to_hex(shown)),
        _ => to_hex(bytes),
    }
}

/// What stands for a secret.
const MASK: &str = "***";
/// Longest text shown whole, in characters.
const LONGEST_SHOWN: usize = 200;
/// Most bytes shown in digits.
const MOST_BYTES_SHOWN: usize = 32;
