//! Bringing a value to the declared base type of its property or parameter (protocol notes, sections 4.3 and 4.6).

use edgebind_alwayson::{BaseType, Value, json};

/// A value that cannot be taken for the declared type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value of base type {found} does not fit {wanted}{detail}")]
pub(super) struct Mismatch {
    found: BaseType,
    wanted: BaseType,
    /// Empty, or a colon and more.
    detail: String,
}

/// `value` as a value of `wanted`; a null stays one, numbers keep their value or are refused.
pub(super) fn coerce(value: Value, wanted: BaseType) -> Result<Value, Mismatch> {
    if value.base_type() == wanted || value == Value::Nothing {
        return Ok(value);
    }
    let found = value.base_type();
    let mismatch = |detail: String| Mismatch { found, wanted, detail };
    match (wanted, value) {
        (BaseType::Variant, value) => Ok(Value::variant(value)),
        (_, Value::Variant(inner)) => coerce(*inner, wanted),
        (_, Value::Text(_, text)) if wanted.is_text() => Ok(Value::Text(wanted, text)),
        (_, Value::Text(_, text)) => {
            from_text(&text, wanted).map_err(|problem| mismatch(format!(": {problem}")))
        }
        (BaseType::Image, Value::Blob(bytes)) => Ok(Value::Image(bytes)),
        (BaseType::Blob, Value::Image(bytes)) => Ok(Value::Blob(bytes)),
        (_, value) if wanted.is_text() => match plain_text(&value) {
            Some(text) => Ok(Value::Text(wanted, text)),
            None => Err(mismatch(String::new())),
        },
        (_, value) => from_number(&value, wanted).ok_or_else(|| mismatch(String::new())),
    }
}

/// Numbers and instants as each other, when nothing is lost.
fn from_number(value: &Value, wanted: BaseType) -> Option<Value> {
    let whole = match *value {
        Value::Integer(number) => i64::from(number),
        Value::Long(number) | Value::Datetime(number) => number,
        Value::Number(number) => exact_i64(number)?,
        _ => return None,
    };
    match wanted {
        BaseType::Integer => i32::try_from(whole).ok().map(Value::Integer),
        BaseType::Long => Some(Value::Long(whole)),
        BaseType::Datetime => Some(Value::Datetime(whole)),
        BaseType::Number => exact_f64(whole).map(Value::Number),
        _ => None,
    }
}

fn from_text(text: &str, wanted: BaseType) -> Result<Value, String> {
    let trimmed = text.trim();
    match wanted {
        BaseType::Number => trimmed.parse().map(Value::Number).map_err(|error| format!("{text:?}: {error}")),
        BaseType::Integer => {
            trimmed.parse().map(Value::Integer).map_err(|error| format!("{text:?}: {error}"))
        }
        BaseType::Long => trimmed.parse().map(Value::Long).map_err(|error| format!("{text:?}: {error}")),
        BaseType::Boolean => {
            trimmed.parse().map(Value::Boolean).map_err(|_| format!("{text:?} is neither true nor false"))
        }
        // A document in a string: a table or a place; otherwise the string is the value itself: base64, an instant.
        _ if trimmed.starts_with('{') => {
            json::value_from_json(trimmed, wanted).map_err(|error| error.to_string())
        }
        _ => {
            let quoted = serde_json::Value::from(text).to_string();
            json::value_from_json(&quoted, wanted).map_err(|error| error.to_string())
        }
    }
}

fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Long(number) | Value::Datetime(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// Largest magnitude up to which every whole number has its own double.
const EXACT: i64 = 1 << 53;

fn exact_i64(number: f64) -> Option<i64> {
    let fits = number.fract() == 0.0 && number.abs() <= EXACT as f64;
    fits.then_some(number as i64)
}

fn exact_f64(number: i64) -> Option<f64> {
    (number.unsigned_abs() <= EXACT.unsigned_abs()).then_some(number as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_becomes_an_integer_only_when_nothing_is_lost() {
        assert_eq!(coerce(Value::Number(7.0), BaseType::Integer), Ok(Value::Integer(7)));
        assert!(coerce(Value::Number(7.5), BaseType::Integer).is_err());
        assert!(coerce(Value::Number(3e9), BaseType::Integer).is_err());
        assert!(coerce(Value::Number(f64::NAN), BaseType::Integer).is_err());
        assert_eq!(coerce(Value::Number(3e9), BaseType::Long), Ok(Value::Long(3_000_000_000)));
        assert_eq!(coerce(Value::Integer(-3), BaseType::Number), Ok(Value::Number(-3.0)));
        assert_eq!(coerce(Value::Number(1.5e12), BaseType::Datetime), Ok(Value::Datetime(1_500_000_000_000)));
        assert!(coerce(Value::Long(i64::MAX), BaseType::Number).is_err());
    }

    #[test]
    fn a_variant_is_unwrapped_for_a_typed_property_and_wrapped_for_a_variant_one() {
        let wrapped = Value::variant(Value::Number(1.0));
        assert_eq!(coerce(wrapped.clone(), BaseType::Number), Ok(Value::Number(1.0)));
        assert_eq!(coerce(wrapped.clone(), BaseType::Variant), Ok(wrapped));
        assert_eq!(coerce(Value::Boolean(true), BaseType::Variant), Ok(Value::variant(Value::Boolean(true))));
    }

    #[test]
    fn text_is_read_as_the_declared_type_and_text_types_take_each_others_text() {
        assert_eq!(coerce(Value::string(" 1.5 "), BaseType::Number), Ok(Value::Number(1.5)));
        assert_eq!(coerce(Value::string("true"), BaseType::Boolean), Ok(Value::Boolean(true)));
        assert_eq!(
            coerce(Value::string("<a/>"), BaseType::Xml),
            Ok(Value::Text(BaseType::Xml, "<a/>".to_owned()))
        );
        assert_eq!(coerce(Value::Number(1.0), BaseType::String), Ok(Value::string("1")));
        let error = coerce(Value::string("warm"), BaseType::Number).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a value of base type STRING does not fit NUMBER: \"warm\": invalid float literal"
        );
    }

    #[test]
    fn a_null_fits_every_type() {
        for base_type in BaseType::ALL {
            assert_eq!(coerce(Value::Nothing, *base_type), Ok(Value::Nothing));
        }
    }
}
