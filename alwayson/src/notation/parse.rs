//! Reads the JSON notation.

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Map, Value as Json};

use super::NotationError;
use super::hex::from_hex;
use super::json::kind;
use crate::multipart::{Chunk, ChunkEntity};
use crate::wire::{Header, encode_into};
use crate::{
    Aspect, Auth, BaseType, Bind, Body, Characteristic, Claim, Code, Content, EntityType, Field, Gateway,
    InfoTable, Location, Method, Request, Response, Value,
};

type Parsed<T> = Result<T, NotationError>;

/// The bytes of the message that `document` says.
pub(super) fn message(document: &Json) -> Parsed<Bytes> {
    let map = object(document)?;
    let header = head(map)?;
    let mut bytes = BytesMut::new();
    if header.multipart {
        bytes.put(chunk(map, header)?.encode()?);
    } else {
        encode_into(&header.with(body(map, header.code)?), &mut bytes)?;
    }
    if let Some(trailing) = optional(map, "trailing", blob)? {
        bytes.put(trailing);
    }
    Ok(bytes.freeze())
}

fn head(map: &Map<String, Json>) -> Parsed<Header> {
    optional(map, "version", |json| match json.as_u64() {
        Some(1) => Ok(()),
        _ => Err(shape("1, the only version", json)),
    })?;
    let header = Header {
        code: required(map, "code", |json| {
            named(json, "the name of a code or 0x and two digits", Code::from_name)
        })?,
        request_id: required(map, "requestId", whole)?,
        endpoint_id: optional(map, "endpointId", whole)?.unwrap_or(0),
        session_id: optional(map, "sessionId", whole)?.unwrap_or(0),
        multipart: optional(map, "multipart", whole::<u8>)?.is_some_and(|marker| marker != 0),
    };
    let prefix = if header.multipart { "MULTIPART_" } else { "" };
    optional(map, "type", |json| match text(json)?.strip_prefix(prefix) {
        Some(found) if found == kind(header.code) => Ok(()),
        _ => Err(shape("the type that belongs to code and multipart", json)),
    })?;
    Ok(header)
}

fn chunk(map: &Map<String, Json>, header: Header) -> Parsed<Chunk> {
    let entity = if Method::from_code(header.code).is_some() {
        let (entity_type, name) = entity(map)?;
        Some(ChunkEntity { entity_type, name })
    } else {
        None
    };
    Ok(Chunk {
        header,
        number: required(map, "chunkId", whole)?,
        count: required(map, "chunkCount", whole)?,
        size: required(map, "chunkSize", whole)?,
        entity,
        data: required(map, "data", blob)?,
    })
}

fn body(map: &Map<String, Json>, code: Code) -> Parsed<Body> {
    Ok(match (code, Method::from_code(code)) {
        (_, Some(method)) => Body::Request(request(map, method)?),
        (Code::AUTH, _) => Body::Auth(Auth {
            claims: required(map, "claims", |json| {
                list(json, |json| pair(json).map(|(name, value)| Claim { name, value }))
            })?,
        }),
        (Code::BIND | Code::UNBIND, _) => Body::Bind(Bind {
            unbind: code == Code::UNBIND,
            gateway: optional(map, "gateway", gateway)?,
            names: required(map, "names", |json| list(json, text))?,
        }),
        (code, _) if code.is_response() => Body::Response(Response {
            code,
            reason: optional(map, "reason", text)?,
            content: content(map, "contentType", "content")?,
        }),
        (code, _) => Body::Other { code, bytes: optional(map, "body", blob)?.unwrap_or_default() },
    })
}

fn request(map: &Map<String, Json>, method: Method) -> Parsed<Request> {
    let (entity_type, entity) = entity(map)?;
    Ok(Request {
        method,
        entity_type,
        entity,
        characteristic: required(map, "characteristicType", characteristic)?,
        name: required(map, "characteristicName", text)?,
        headers: optional(map, "headers", |json| list(json, pair))?.unwrap_or_default(),
        params: content(map, "paramsType", "params")?,
    })
}

fn entity(map: &Map<String, Json>) -> Parsed<(EntityType, String)> {
    let entity_type = required(map, "entityType", |json| {
        named(json, "the name of a collection or 0x and two digits", |name| {
            EntityType::from_name(name).or_else(|| number(name).map(EntityType))
        })
    })?;
    Ok((entity_type, required(map, "entityName", text)?))
}

fn characteristic(json: &Json) -> Parsed<Characteristic> {
    named(json, "Properties, Services, Events or 0x and two digits", |name| match name {
        "Properties" => Some(Characteristic::Properties),
        "Services" => Some(Characteristic::Services),
        "Events" => Some(Characteristic::Events),
        other => number(other).map(Characteristic::from_number),
    })
}

fn gateway(json: &Json) -> Parsed<Gateway> {
    let map = object(json)?;
    Ok(Gateway { name: required(map, "name", text)?, template: required(map, "type", text)? })
}

fn pair(json: &Json) -> Parsed<(String, String)> {
    let map = object(json)?;
    Ok((required(map, "name", text)?, required(map, "value", text)?))
}

fn content(map: &Map<String, Json>, type_key: &'static str, key: &'static str) -> Parsed<Content> {
    let content = optional(map, key, |json| {
        if object(json)?.contains_key("fields") {
            return table(json).map(Content::Table);
        }
        typed(json).map(Content::Bare)
    })?
    .unwrap_or_default();
    let base_type = match &content {
        Content::Nothing => BaseType::Nothing,
        Content::Table(_) => BaseType::Infotable,
        Content::Bare(value) => value.base_type(),
    };
    optional(map, type_key, |json| match base_type_of(json)? {
        found if found == base_type => Ok(()),
        _ => Err(shape("the base type of the content", json)),
    })?;
    Ok(content)
}

fn table(json: &Json) -> Parsed<InfoTable> {
    let map = object(json)?;
    Ok(InfoTable {
        fields: required(map, "fields", |json| list(json, field))?,
        rows: required(map, "rows", |json| list(json, |row| list(row, typed)))?,
    })
}

fn field(json: &Json) -> Parsed<Field> {
    let map = object(json)?;
    Ok(Field {
        name: required(map, "name", text)?,
        description: optional(map, "description", text)?.unwrap_or_default(),
        base_type: required(map, "baseType", base_type_of)?,
        aspects: optional(map, "aspects", |json| list(json, aspect))?.unwrap_or_default(),
    })
}

fn aspect(json: &Json) -> Parsed<Aspect> {
    let map = object(json)?;
    Ok(Aspect { name: required(map, "name", text)?, value: required(map, "value", typed)? })
}

fn typed(json: &Json) -> Parsed<Value> {
    let map = object(json)?;
    let base_type = required(map, "t", base_type_of)?;
    if base_type == BaseType::Nothing {
        return Ok(Value::Nothing);
    }
    required(map, "v", |json| {
        Ok(match base_type {
            BaseType::Number => Value::Number(double(json)?),
            BaseType::Boolean => Value::Boolean(json.as_bool().ok_or_else(|| shape("true or false", json))?),
            BaseType::Datetime => Value::Datetime(whole(json)?),
            BaseType::Long => Value::Long(whole(json)?),
            BaseType::Integer => Value::Integer(whole(json)?),
            BaseType::Location => Value::Location(location(json)?),
            BaseType::Infotable => Value::table(table(json)?),
            BaseType::Blob => Value::Blob(blob(json)?.into()),
            BaseType::Image => Value::Image(blob(json)?.into()),
            BaseType::Variant => Value::variant(typed(json)?),
            other => Value::Text(other, text(json)?),
        })
    })
}

fn location(json: &Json) -> Parsed<Location> {
    let map = object(json)?;
    Ok(Location {
        longitude: required(map, "longitude", double)?,
        latitude: required(map, "latitude", double)?,
        elevation: required(map, "elevation", double)?,
    })
}

fn double(json: &Json) -> Parsed<f64> {
    let special = |text: &str| match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        other => {
            let bits = other.strip_prefix("NaN(0x")?.strip_suffix(')')?;
            u64::from_str_radix(bits, 16).ok().map(f64::from_bits).filter(|number| number.is_nan())
        }
    };
    match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => special(text),
        _ => None,
    }
    .ok_or_else(|| shape("a number, \"NaN\", \"Infinity\" or \"-Infinity\"", json))
}

fn whole<T: TryFrom<i64>>(json: &Json) -> Parsed<T> {
    json.as_i64()
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| shape("a whole number in the range of its type", json))
}

fn blob(json: &Json) -> Parsed<Bytes> {
    match json {
        Json::String(digits) => from_hex(digits),
        _ => Err(shape("bytes in hexadecimal digits", json)),
    }
}

fn text(json: &Json) -> Parsed<String> {
    json.as_str().map(str::to_owned).ok_or_else(|| shape("text", json))
}

fn base_type_of(json: &Json) -> Parsed<BaseType> {
    named(json, "the name of a base type", BaseType::from_name)
}

/// `0x` and hexadecimal digits of one byte.
fn number(name: &str) -> Option<u8> {
    u8::from_str_radix(name.strip_prefix("0x")?, 16).ok()
}

fn named<T>(json: &Json, expected: &'static str, find: impl FnOnce(&str) -> Option<T>) -> Parsed<T> {
    json.as_str().and_then(find).ok_or_else(|| shape(expected, json))
}

fn object(json: &Json) -> Parsed<&Map<String, Json>> {
    json.as_object().ok_or_else(|| shape("an object", json))
}

fn list<T>(json: &Json, read: impl Fn(&Json) -> Parsed<T>) -> Parsed<Vec<T>> {
    let elements = json.as_array().ok_or_else(|| shape("a list", json))?;
    let read = |(index, element)| read(element).map_err(|error| inside(error, &format!("[{index}]")));
    elements.iter().enumerate().map(read).collect()
}

fn required<T>(
    map: &Map<String, Json>,
    key: &'static str,
    read: impl FnOnce(&Json) -> Parsed<T>,
) -> Parsed<T> {
    match map.get(key) {
        Some(json) => read(json),
        None => Err(NotationError::Shape {
            path: String::new(),
            expected: "this member",
            found: "nothing".to_owned(),
        }),
    }
    .map_err(|error| inside(error, key))
}

/// A member that may be missing or null.
fn optional<T>(
    map: &Map<String, Json>,
    key: &'static str,
    read: impl FnOnce(&Json) -> Parsed<T>,
) -> Parsed<Option<T>> {
    match map.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(json) => read(json).map(Some).map_err(|error| inside(error, key)),
    }
}

fn shape(expected: &'static str, found: &Json) -> NotationError {
    let found = match found {
        Json::Null => "null".to_owned(),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
        Json::String(text) if text.len() > LONGEST_SHOWN => "a long text".to_owned(),
        short => short.to_string(),
    };
    NotationError::Shape { path: String::new(), expected, found }
}

/// Puts the place `step` in front of the place that `error` names.
fn inside(error: NotationError, step: &str) -> NotationError {
    match error {
        NotationError::Shape { path, expected, found } => {
            let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            NotationError::Shape { path: format!("{step}{dot}{path}"), expected, found }
        }
        other => other,
    }
}

/// Longest text that an error repeats, in bytes.
const LONGEST_SHOWN: usize = 60;
