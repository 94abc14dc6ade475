//! What a refusal of a BIND means.

use edgebind_alwayson::Code;

/// Whether a refusal means that another connection has the name (first-in-wins).
///
/// The protocol leaves code and text open (protocol notes, section 7.3). PRECONDITION_FAILED is not known to mean
/// anything else; the words are what people would write.
pub(super) fn is_held(code: Code, reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    code == Code::PRECONDITION_FAILED || HELD.iter().any(|words| reason.contains(words))
}

const HELD: &[&str] =
    &["already bound", "already connected", "already in use", "another connection", "another session"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_another_connection_has_is_held() {
        assert!(is_held(Code::PRECONDITION_FAILED, ""));
        assert!(is_held(Code::BAD_REQUEST, "Thing Pump is already bound"));
        assert!(is_held(Code::FORBIDDEN, "bound by another connection: Pump"));
    }

    #[test]
    fn other_refusals_do_not_wait_for_a_session_to_end() {
        assert!(!is_held(Code::NOT_FOUND, "unknown: Pump"));
        assert!(!is_held(Code::BAD_REQUEST, "to be bound by identifier, not by name: Pump"));
        assert!(!is_held(Code::UNAUTHORIZED, ""));
    }
}
