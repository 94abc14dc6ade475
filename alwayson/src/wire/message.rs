//! Bodies of messages (protocol notes, section 5) and their content field (section 4.5).

use super::error::{DecodeError, EncodeError};
use super::reader::Reader;
use super::value::{read_typed, write_base_type, write_typed};
use super::writer::Writer;
use crate::{
    Auth, BaseType, Bind, Body, Characteristic, Claim, Code, Content, EntityType, Gateway, Method, Request,
    Response, Value,
};

/// Reads the body that belongs to `code`; `None` for a code without a known body.
pub(crate) fn read_body(reader: &mut Reader<'_>, code: Code) -> Result<Option<Body>, DecodeError> {
    Ok(Some(match code {
        code if code.is_response() => Body::Response(read_response(reader, code)?),
        Code::AUTH => Body::Auth(read_auth(reader)?),
        Code::BIND | Code::UNBIND => Body::Bind(read_bind(reader, code)?),
        code => match Method::from_code(code) {
            Some(method) => Body::Request(read_request(reader, method)?),
            None => return Ok(None),
        },
    }))
}

/// Writes the body.
pub(crate) fn write_body(writer: &mut Writer<'_>, body: &Body) -> Result<(), EncodeError> {
    match body {
        Body::Request(request) => write_request(writer, request),
        Body::Response(response) => write_response(writer, response),
        Body::Auth(auth) => write_auth(writer, auth),
        Body::Bind(bind) => write_bind(writer, bind),
        Body::Other { code, bytes } => {
            let known = matches!(*code, Code::AUTH | Code::BIND | Code::UNBIND);
            if known || code.is_response() || Method::from_code(*code).is_some() {
                return Err(EncodeError::Code(*code));
            }
            writer.bytes(bytes);
            Ok(())
        }
    }
}

fn read_request(reader: &mut Reader<'_>, method: Method) -> Result<Request, DecodeError> {
    let (entity_type, entity) = (EntityType(reader.u8()?), reader.string()?);
    let characteristic = Characteristic::from_number(reader.u8()?);
    let name = reader.string()?;
    let headers = read_pairs(reader)?;
    let params = read_content(reader)?;
    Ok(Request { method, entity_type, entity, characteristic, name, headers, params })
}

fn write_request(writer: &mut Writer<'_>, request: &Request) -> Result<(), EncodeError> {
    writer.u8(request.entity_type.0);
    writer.string(&request.entity)?;
    writer.u8(request.characteristic.number());
    writer.string(&request.name)?;
    writer.count_u8("headers", request.headers.len())?;
    for (name, value) in &request.headers {
        writer.string(name)?;
        writer.string(value)?;
    }
    write_content(writer, &request.params)
}

fn read_response(reader: &mut Reader<'_>, code: Code) -> Result<Response, DecodeError> {
    let reason = if reader.marker()? { Some(reader.string()?) } else { None };
    Ok(Response { code, reason, content: read_content(reader)? })
}

fn write_response(writer: &mut Writer<'_>, response: &Response) -> Result<(), EncodeError> {
    if !response.code.is_response() {
        return Err(EncodeError::Code(response.code));
    }
    writer.u8(u8::from(response.reason.is_some()));
    if let Some(reason) = &response.reason {
        writer.string(reason)?;
    }
    write_content(writer, &response.content)
}

fn read_auth(reader: &mut Reader<'_>) -> Result<Auth, DecodeError> {
    let claims = read_pairs(reader)?.into_iter().map(|(name, value)| Claim { name, value }).collect();
    Ok(Auth { claims })
}

fn write_auth(writer: &mut Writer<'_>, auth: &Auth) -> Result<(), EncodeError> {
    writer.count_u8("claims", auth.claims.len())?;
    for claim in &auth.claims {
        writer.string(&claim.name)?;
        writer.string(&claim.value)?;
    }
    Ok(())
}

fn read_bind(reader: &mut Reader<'_>, code: Code) -> Result<Bind, DecodeError> {
    let gateway = if reader.marker()? {
        Some(Gateway { name: reader.string()?, template: reader.string()? })
    } else {
        None
    };
    let count = usize::from(reader.u16()?);
    let mut names = Vec::with_capacity(reader.room_for(count));
    for _ in 0..count {
        names.push(reader.string()?);
    }
    Ok(Bind { unbind: code == Code::UNBIND, gateway, names })
}

fn write_bind(writer: &mut Writer<'_>, bind: &Bind) -> Result<(), EncodeError> {
    writer.u8(u8::from(bind.gateway.is_some()));
    if let Some(gateway) = &bind.gateway {
        writer.string(&gateway.name)?;
        writer.string(&gateway.template)?;
    }
    writer.count_u16("names", bind.names.len())?;
    for name in &bind.names {
        writer.string(name)?;
    }
    Ok(())
}

/// A count of one byte and as many pairs of texts: headers and claims.
fn read_pairs(reader: &mut Reader<'_>) -> Result<Vec<(String, String)>, DecodeError> {
    let count = usize::from(reader.u8()?);
    let mut pairs = Vec::with_capacity(reader.room_for(count));
    for _ in 0..count {
        pairs.push((reader.string()?, reader.string()?));
    }
    Ok(pairs)
}

fn read_content(reader: &mut Reader<'_>) -> Result<Content, DecodeError> {
    Ok(match read_typed(reader)? {
        Value::Nothing => Content::Nothing,
        Value::Table(table) => Content::Table(*table),
        bare => Content::Bare(bare),
    })
}

fn write_content(writer: &mut Writer<'_>, content: &Content) -> Result<(), EncodeError> {
    match content {
        Content::Nothing => {
            write_base_type(writer, BaseType::Nothing);
            Ok(())
        }
        Content::Table(table) => {
            write_base_type(writer, BaseType::Infotable);
            super::table::write_table(writer, table)
        }
        Content::Bare(value) => write_typed(writer, value),
    }
}
