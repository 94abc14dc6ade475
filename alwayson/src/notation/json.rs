//! Writes the JSON notation.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::hex::to_hex;
use crate::multipart::Chunk;
use crate::wire::{Header, Incoming};
use crate::{
    Aspect, BaseType, Body, Characteristic, Code, Content, EntityType, Field, InfoTable, Message, Method,
    Value,
};

/// One WebSocket message and the surplus bytes behind it.
pub(super) struct Document<'a> {
    pub(super) incoming: &'a Incoming,
    pub(super) trailing: &'a [u8],
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.incoming {
            Incoming::Message(message) => write_message(&mut map, message)?,
            Incoming::Chunk(chunk) => write_chunk(&mut map, chunk)?,
        }
        if !self.trailing.is_empty() {
            map.serialize_entry("trailing", &to_hex(self.trailing))?;
        }
        map.end()
    }
}

/// Kind of a message, as the member `type` says it.
pub(super) const fn kind(code: Code) -> &'static str {
    match code {
        Code::AUTH => "AUTH",
        Code::BIND | Code::UNBIND => "BIND",
        code if code.is_response() => "RESPONSE",
        code if Method::from_code(code).is_some() => "REQUEST",
        _ => "OTHER",
    }
}

/// How a double that JSON has no number for is said; NaNs keep their bits.
pub(super) fn special_number(number: f64) -> Option<String> {
    if number.is_finite() {
        None
    } else if number.is_nan() && number.to_bits() != f64::NAN.to_bits() {
        Some(format!("NaN(0x{:016x})", number.to_bits()))
    } else if number.is_nan() {
        Some("NaN".to_owned())
    } else if number > 0.0 {
        Some("Infinity".to_owned())
    } else {
        Some("-Infinity".to_owned())
    }
}

/// Name of a collection, or its number.
pub(super) fn entity_type_name(entity_type: EntityType) -> String {
    format!("{entity_type:?}")
}

/// Name of a characteristic, or its number.
pub(super) fn characteristic_name(characteristic: Characteristic) -> String {
    match characteristic.name() {
        Some(name) => name.to_owned(),
        None => format!("0x{:02x}", characteristic.number()),
    }
}

fn write_head<M: SerializeMap>(map: &mut M, header: &Header) -> Result<(), M::Error> {
    map.serialize_entry("version", &Header::VERSION)?;
    map.serialize_entry("code", &header.code.to_string())?;
    map.serialize_entry("requestId", &header.request_id)?;
    map.serialize_entry("endpointId", &header.endpoint_id)?;
    map.serialize_entry("sessionId", &header.session_id)?;
    map.serialize_entry("multipart", &u8::from(header.multipart))?;
    let kind = kind(header.code);
    if header.multipart {
        map.serialize_entry("type", &format!("MULTIPART_{kind}"))
    } else {
        map.serialize_entry("type", kind)
    }
}

fn write_chunk<M: SerializeMap>(map: &mut M, chunk: &Chunk) -> Result<(), M::Error> {
    write_head(map, &Header { multipart: true, ..chunk.header })?;
    map.serialize_entry("chunkId", &chunk.number)?;
    map.serialize_entry("chunkCount", &chunk.count)?;
    map.serialize_entry("chunkSize", &chunk.size)?;
    if let Some(entity) = &chunk.entity {
        map.serialize_entry("entityType", &entity_type_name(entity.entity_type))?;
        map.serialize_entry("entityName", &entity.name)?;
    }
    map.serialize_entry("data", &to_hex(&chunk.data))
}

fn write_message<M: SerializeMap>(map: &mut M, message: &Message) -> Result<(), M::Error> {
    write_head(map, &message.header())?;
    match &message.body {
        Body::Request(request) => {
            map.serialize_entry("entityType", &entity_type_name(request.entity_type))?;
            map.serialize_entry("entityName", &request.entity)?;
            map.serialize_entry("characteristicType", &characteristic_name(request.characteristic))?;
            map.serialize_entry("characteristicName", &request.name)?;
            let headers = request.headers.iter().map(|(name, value)| Pair { name, value });
            map.serialize_entry("headers", &collect(headers))?;
            write_content(map, "paramsType", "params", &request.params)
        }
        Body::Response(response) => {
            map.serialize_entry("reason", &response.reason)?;
            write_content(map, "contentType", "content", &response.content)
        }
        Body::Auth(auth) => {
            let claims = auth.claims.iter().map(|claim| Pair { name: &claim.name, value: &claim.value });
            map.serialize_entry("claims", &collect(claims))
        }
        Body::Bind(bind) => {
            let gateway = bind
                .gateway
                .as_ref()
                .map(|gateway| GatewayPart { name: &gateway.name, template: &gateway.template });
            map.serialize_entry("gateway", &gateway)?;
            map.serialize_entry("names", &bind.names)
        }
        Body::Other { bytes, .. } => map.serialize_entry("body", &to_hex(bytes)),
    }
}

fn write_content<M: SerializeMap>(
    map: &mut M,
    type_key: &'static str,
    key: &'static str,
    content: &Content,
) -> Result<(), M::Error> {
    let base_type = match content {
        Content::Nothing => BaseType::Nothing,
        Content::Table(_) => BaseType::Infotable,
        Content::Bare(value) => value.base_type(),
    };
    map.serialize_entry(type_key, base_type.name())?;
    match content {
        Content::Nothing => map.serialize_entry(key, &()),
        Content::Table(table) => map.serialize_entry(key, &Table(table)),
        Content::Bare(value) => map.serialize_entry(key, &Typed(value)),
    }
}

#[derive(serde::Serialize)]
struct Pair<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(serde::Serialize)]
struct GatewayPart<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    template: &'a str,
}

struct Table<'a>(&'a InfoTable);

impl Serialize for Table<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("fields", &collect(self.0.fields.iter().map(Column)))?;
        map.serialize_entry("rows", &collect(self.0.rows.iter().map(|row| collect(row.iter().map(Typed)))))?;
        map.end()
    }
}

struct Column<'a>(&'a Field);

impl Serialize for Column<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("name", &self.0.name)?;
        map.serialize_entry("description", &self.0.description)?;
        map.serialize_entry("baseType", self.0.base_type.name())?;
        map.serialize_entry("aspects", &collect(self.0.aspects.iter().map(Note)))?;
        map.end()
    }
}

struct Note<'a>(&'a Aspect);

impl Serialize for Note<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("name", &self.0.name)?;
        map.serialize_entry("value", &Typed(&self.0.value))?;
        map.end()
    }
}

struct Typed<'a>(&'a Value);

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("t", self.0.base_type().name())?;
        match self.0 {
            Value::Nothing => {}
            Value::Text(_, text) => map.serialize_entry("v", text)?,
            Value::Number(number) => map.serialize_entry("v", &Number(*number))?,
            Value::Boolean(boolean) => map.serialize_entry("v", boolean)?,
            Value::Datetime(integer) | Value::Long(integer) => map.serialize_entry("v", integer)?,
            Value::Integer(integer) => map.serialize_entry("v", integer)?,
            Value::Location(location) => map.serialize_entry(
                "v",
                &Place {
                    longitude: Number(location.longitude),
                    latitude: Number(location.latitude),
                    elevation: Number(location.elevation),
                },
            )?,
            Value::Table(table) => map.serialize_entry("v", &Table(table))?,
            Value::Blob(bytes) | Value::Image(bytes) => map.serialize_entry("v", &to_hex(bytes))?,
            Value::Variant(value) => map.serialize_entry("v", &Typed(value))?,
        }
        map.end()
    }
}

#[derive(serde::Serialize)]
struct Place {
    longitude: Number,
    latitude: Number,
    elevation: Number,
}

struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match special_number(self.0) {
            Some(text) => serializer.serialize_str(&text),
            None => serializer.serialize_f64(self.0),
        }
    }
}

fn collect<T>(elements: impl Iterator<Item = T>) -> Vec<T> {
    elements.collect()
}
