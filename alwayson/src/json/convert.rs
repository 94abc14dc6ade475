//! Conversions of plain JSON values to a declared base type.
//!
//! Agents and callers are not strict about types, and the original converted what it could (EMS notes, section
//! 6.2); what would lose the meaning of a value is refused with a text that names it.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::timestamp;
use crate::{BaseType, Location, Value};

/// `true` and `false`.
pub(super) fn boolean(value: bool, base_type: BaseType) -> Result<Value, String> {
    Ok(match base_type {
        BaseType::Boolean | BaseType::Variant => Value::Boolean(value),
        BaseType::Nothing => Value::Nothing,
        BaseType::Number => Value::Number(f64::from(u8::from(value))),
        BaseType::Integer => Value::Integer(i32::from(value)),
        BaseType::Long => Value::Long(i64::from(value)),
        _ if base_type.is_text() => Value::Text(base_type, value.to_string()),
        _ => return Err(misfit(value, base_type)),
    })
}

/// A whole number of JSON.
pub(super) fn integer(value: i64, base_type: BaseType) -> Result<Value, String> {
    Ok(match base_type {
        BaseType::Integer => {
            Value::Integer(i32::try_from(value).map_err(|_| out_of_range(value, base_type))?)
        }
        BaseType::Long => Value::Long(value),
        BaseType::Datetime => Value::Datetime(value),
        BaseType::Boolean => Value::Boolean(value != 0),
        _ if base_type.is_text() => Value::Text(base_type, value.to_string()),
        #[expect(clippy::cast_precision_loss, reason = "NUMBER is a double, whatever JSON says")]
        _ => return number(value as f64, base_type),
    })
}

/// A number of JSON.
pub(super) fn number(value: f64, base_type: BaseType) -> Result<Value, String> {
    Ok(match base_type {
        // TIMESPAN has no encoding of its own (protocol notes, section 4.2): the cell says what it is.
        BaseType::Number | BaseType::Variant | BaseType::Timespan => Value::Number(value),
        BaseType::Nothing => Value::Nothing,
        BaseType::Integer => Value::Integer(whole(value).ok_or_else(|| out_of_range(value, base_type))?),
        BaseType::Long => Value::Long(whole(value).ok_or_else(|| out_of_range(value, base_type))?),
        BaseType::Datetime => Value::Datetime(whole(value).ok_or_else(|| out_of_range(value, base_type))?),
        BaseType::Boolean => Value::Boolean(value != 0.0),
        _ if base_type.is_text() => Value::Text(base_type, number_text(value)),
        _ => return Err(misfit(value, base_type)),
    })
}

/// A text of JSON.
pub(super) fn text(value: &str, base_type: BaseType) -> Result<Value, String> {
    let trimmed = value.trim();
    let quoted = || misfit(format_args!("`{}`", excerpt(value)), base_type);
    Ok(match base_type {
        BaseType::Variant | BaseType::Timespan => Value::string(value),
        BaseType::Nothing => Value::Nothing,
        BaseType::Number => Value::Number(trimmed.parse().map_err(|_| quoted())?),
        BaseType::Integer | BaseType::Long => match trimmed.parse::<i64>() {
            Ok(whole) => integer(whole, base_type)?,
            Err(_) => number(trimmed.parse().map_err(|_| quoted())?, base_type)?,
        },
        BaseType::Boolean => match trimmed {
            "1" => Value::Boolean(true),
            "0" => Value::Boolean(false),
            _ if trimmed.eq_ignore_ascii_case("true") => Value::Boolean(true),
            _ if trimmed.eq_ignore_ascii_case("false") => Value::Boolean(false),
            _ => return Err(quoted()),
        },
        BaseType::Datetime => {
            let millis = trimmed.parse().ok().or_else(|| timestamp::parse(trimmed));
            Value::Datetime(millis.ok_or_else(quoted)?)
        }
        BaseType::Location => Value::Location(location(trimmed).ok_or_else(quoted)?),
        BaseType::Blob => Value::Blob(base64(value).ok_or_else(quoted)?),
        BaseType::Image => Value::Image(base64(value).ok_or_else(quoted)?),
        _ if base_type.is_text() => Value::Text(base_type, value.to_owned()),
        _ => return Err(quoted()),
    })
}

/// The number without its fraction, if the type can hold it.
pub(super) fn whole<T: TryFrom<i128>>(value: f64) -> Option<T> {
    // A cast to i128 saturates, and its ends are outside of every type asked for; NaN would become 0.
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is to be cut off, as the original did")]
    let cut = value as i128;
    if value.is_nan() { None } else { T::try_from(cut).ok() }
}

/// A number as text: whole ones without a point.
pub(super) fn number_text(value: f64) -> String {
    let mut text = Vec::new();
    super::write::write_number(value, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// The front of a text, for messages.
pub(super) fn excerpt(text: &str) -> &str {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

/// `latitude,longitude` with or without `,elevation`, the platform's text form of a LOCATION.
fn location(text: &str) -> Option<Location> {
    let mut parts = text.split(',').map(|part| part.trim().parse::<f64>().ok());
    let location = Location {
        latitude: parts.next()??,
        longitude: parts.next()??,
        elevation: parts.next().unwrap_or(Some(0.0))?,
    };
    parts.next().is_none().then_some(location)
}

/// Base64 with or without padding; line breaks, as mail programs put them, are skipped.
fn base64(text: &str) -> Option<Vec<u8>> {
    match BASE64.decode(text) {
        Ok(bytes) => Some(bytes),
        Err(_) => {
            let packed: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            if packed.len() == text.len() { None } else { BASE64.decode(packed).ok() }
        }
    }
}

fn misfit(value: impl std::fmt::Display, base_type: BaseType) -> String {
    format!("{value} cannot be taken for {base_type}")
}

fn out_of_range(value: impl std::fmt::Display, base_type: BaseType) -> String {
    format!("{value} is outside the range of {base_type}")
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Characters of a value shown in a message.
const EXCERPT: usize = 40;
