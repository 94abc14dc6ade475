//! Typed values (protocol notes, sections 4.2 and 4.3).

use super::error::{DecodeError, DecodeReason, EncodeError};
use super::reader::Reader;
use super::table::{read_table, write_table};
use super::writer::Writer;
use crate::{BaseType, Location, Value};

/// Reads a base type byte and the value behind it.
pub(crate) fn read_typed(reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let offset = reader.offset();
    let base_type = read_base_type(reader)?;
    read_value(reader, base_type, offset)
}

/// Reads a base type byte.
pub(crate) fn read_base_type(reader: &mut Reader<'_>) -> Result<BaseType, DecodeError> {
    let offset = reader.offset();
    let code = i8::from_be_bytes(reader.array()?);
    BaseType::from_code(code).ok_or(DecodeError::new(offset, DecodeReason::UnknownBaseType(code)))
}

/// Reads the value of `base_type`, whose byte stands at `offset`.
fn read_value(reader: &mut Reader<'_>, base_type: BaseType, offset: usize) -> Result<Value, DecodeError> {
    Ok(match base_type {
        BaseType::Nothing => Value::Nothing,
        BaseType::Number => Value::Number(reader.f64()?),
        BaseType::Boolean => Value::Boolean(reader.u8()? != 0),
        BaseType::Datetime => Value::Datetime(reader.i64()?),
        BaseType::Integer => Value::Integer(reader.i32()?),
        BaseType::Long => Value::Long(reader.i64()?),
        BaseType::Location => Value::Location(Location {
            longitude: reader.f64()?,
            latitude: reader.f64()?,
            elevation: reader.f64()?,
        }),
        BaseType::Blob => Value::Blob(reader.blob()?),
        BaseType::Image => Value::Image(reader.blob()?),
        BaseType::Infotable => Value::table(read_table(reader)?),
        BaseType::Variant => {
            reader.enter()?;
            let value = read_typed(reader)?;
            reader.leave();
            Value::variant(value)
        }
        BaseType::Timespan => {
            return Err(DecodeError::new(offset, DecodeReason::UnsupportedBaseType(base_type)));
        }
        text => Value::Text(text, reader.string()?),
    })
}

/// Writes the base type byte and the value.
pub(crate) fn write_typed(writer: &mut Writer<'_>, value: &Value) -> Result<(), EncodeError> {
    write_base_type(writer, value.base_type());
    match value {
        Value::Nothing => {}
        Value::Text(base_type, text) if base_type.is_text() => writer.string(text)?,
        Value::Text(base_type, _) => return Err(EncodeError::NotText(*base_type)),
        Value::Number(number) => writer.bytes(&number.to_be_bytes()),
        Value::Boolean(boolean) => writer.u8(u8::from(*boolean)),
        Value::Datetime(integer) | Value::Long(integer) => writer.bytes(&integer.to_be_bytes()),
        Value::Integer(integer) => writer.bytes(&integer.to_be_bytes()),
        Value::Location(location) => {
            writer.bytes(&location.longitude.to_be_bytes());
            writer.bytes(&location.latitude.to_be_bytes());
            writer.bytes(&location.elevation.to_be_bytes());
        }
        Value::Blob(bytes) | Value::Image(bytes) => writer.blob(bytes)?,
        Value::Table(table) => write_table(writer, table)?,
        Value::Variant(value) => {
            writer.enter()?;
            write_typed(writer, value)?;
            writer.leave();
        }
    }
    Ok(())
}

/// Writes a base type byte.
pub(crate) fn write_base_type(writer: &mut Writer<'_>, base_type: BaseType) {
    writer.bytes(&base_type.code().to_be_bytes());
}
