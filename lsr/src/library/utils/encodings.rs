//! Base64, CRC-16 and percent-encoding of `tw_utils`, on bytes.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Standard alphabet, padded, one line.
pub(super) fn base64(text: &[u8]) -> Vec<u8> {
    ENGINE.encode(text).into_bytes()
}

/// The bytes; blanks and line breaks are skipped, padding may be absent.
pub(super) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    if text.iter().any(u8::is_ascii_whitespace) {
        let joined: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        return ENGINE.decode(joined).ok();
    }
    ENGINE.decode(text).ok()
}

/// CRC-16/MODBUS; nothing for fewer than two bytes, as in the original.
pub(super) fn crc16(bytes: &[u8]) -> Option<u16> {
    let add_byte = |sum: u16, byte: &u8| {
        (0..8)
            .fold(sum ^ u16::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xa001 } else { sum >> 1 })
    };
    (bytes.len() >= 2).then(|| bytes.iter().fold(0xffff, add_byte))
}

/// The URL with everything behind its scheme percent-encoded but unreserved characters, slashes and what is encoded
/// already. Hexadecimal digits are in lower case. A text without a scheme is `://`.
pub(super) fn encoded_url(url: &[u8]) -> Vec<u8> {
    let Some((scheme, rest)) = split(url) else { return b"://".to_vec() };
    let mut out = [scheme, b"://"].concat();
    for (at, &byte) in rest.iter().enumerate() {
        let is_encoded = byte == b'%' && hex_byte(rest, at + 1).is_some();
        if is_encoded || byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("%{byte:02x}").as_bytes());
        }
    }
    out
}

/// The URL with its percent-encoding undone; empty without a scheme.
pub(super) fn decoded_url(url: &[u8]) -> Vec<u8> {
    let Some((scheme, rest)) = split(url) else { return Vec::new() };
    let mut out = [scheme, b"://"].concat();
    let mut at = 0;
    while let Some(&byte) = rest.get(at) {
        let decoded = if byte == b'%' { hex_byte(rest, at + 1) } else { None };
        out.push(decoded.unwrap_or(byte));
        at += if decoded.is_some() { 3 } else { 1 };
    }
    out
}

/// What stands before and behind `://`.
fn split(url: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = url.windows(3).position(|window| window == b"://").filter(|&at| at > 0)?;
    Some((url.get(..at)?, url.get(at + 3..)?))
}

fn hex_byte(text: &[u8], at: usize) -> Option<u8> {
    let digits = text.get(at..at + 2)?;
    let digit = |index: usize| char::from(*digits.get(index)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
