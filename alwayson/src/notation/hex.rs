//! Bytes as hexadecimal digits.

use std::fmt::Write as _;

use bytes::Bytes;

use super::NotationError;

/// Lower-case digits, two per byte, nothing between.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Reads hexadecimal digits of either case; white space between them is skipped.
///
/// # Errors
///
/// [`NotationError::Shape`] for another character or an odd number of digits.
pub fn from_hex(text: &str) -> Result<Bytes, NotationError> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for (index, character) in text.char_indices().filter(|(_, character)| !character.is_whitespace()) {
        let digit = character.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let Some(digit) = digit else {
            return Err(wrong(index, "a hexadecimal digit", format!("{character:?}")));
        };
        high = match high {
            None => Some(digit),
            Some(high) => {
                bytes.push(high << 4 | digit);
                None
            }
        };
    }
    match high {
        None => Ok(bytes.into()),
        Some(_) => Err(wrong(text.len(), "an even number of hexadecimal digits", "the end".to_owned())),
    }
}

fn wrong(index: usize, expected: &'static str, found: String) -> NotationError {
    NotationError::Shape { path: format!("character {index}"), expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_reads_both_cases_and_white_space() {
        assert_eq!(from_hex(" 0aFF\n10 ").unwrap(), Bytes::from_static(&[0x0A, 0xFF, 0x10]));
        assert_eq!(to_hex(&[0x0A, 0xFF, 0x10]), "0aff10");
    }

    #[test]
    fn hex_names_the_place_of_a_wrong_digit() {
        let error = from_hex("0a0g").unwrap_err().to_string();
        assert_eq!(error, "character 3: expected a hexadecimal digit, found 'g'");
        let error = from_hex("0a0").unwrap_err().to_string();
        assert_eq!(error, "character 3: expected an even number of hexadecimal digits, found the end");
    }
}
