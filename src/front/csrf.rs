//! Tokens against forged requests of browsers (`http_server.enable_csrf_tokens`; EMS notes, 17): every answer carries
//! the token that the next request must bring. Pure: time and randomness come in as arguments.

use std::time::{Duration, Instant};

use subtle::ConstantTimeEq;

/// Header of the token, in both directions.
pub(crate) const HEADER: &str = "x-csrf-token";

/// The token of now, and the one before it, which requests under way still carry.
pub(crate) struct Tokens {
    current: String,
    previous: Option<String>,
    changed: Instant,
    period: Duration,
}

impl Tokens {
    /// Begins with the token `first`; a new one is due after each `period`.
    pub(crate) const fn new(first: String, period: Duration, now: Instant) -> Self {
        Self { current: first, previous: None, changed: now, period }
    }

    /// Takes a new token from `fresh` if one is due, and returns the token of now.
    ///
    /// Without a fresh one the old token stays: it is as secret as before.
    pub(crate) fn current(&mut self, now: Instant, fresh: impl FnOnce() -> Option<String>) -> &str {
        let age = now.saturating_duration_since(self.changed);
        if age >= self.period
            && let Some(fresh) = fresh()
        {
            let old = std::mem::replace(&mut self.current, fresh);
            // Nobody has asked for so long: the old one has been void for a whole period.
            self.previous = (age < self.period * 2).then_some(old);
            self.changed = now;
        }
        &self.current
    }

    /// Whether `given` is a token that counts; takes the same time for every wrong one of a length.
    pub(crate) fn accept(&self, given: &[u8]) -> bool {
        let is = |token: &String| bool::from(token.as_bytes().ct_eq(given));
        is(&self.current) | self.previous.as_ref().is_some_and(is)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(600);

    #[test]
    fn a_token_counts_for_its_period_and_the_next() {
        let begin = edgebind_kernel::clock::now();
        let mut tokens = Tokens::new("a".to_owned(), PERIOD, begin);
        assert_eq!(tokens.current(begin + PERIOD / 2, || unreachable!()), "a");
        assert!(tokens.accept(b"a") && !tokens.accept(b"") && !tokens.accept(b"b"));
        assert_eq!(tokens.current(begin + PERIOD, || Some("b".to_owned())), "b");
        assert!(tokens.accept(b"a") && tokens.accept(b"b"));
        assert_eq!(tokens.current(begin + PERIOD * 2, || Some("c".to_owned())), "c");
        assert!(!tokens.accept(b"a") && tokens.accept(b"b"));
        assert_eq!(tokens.current(begin + PERIOD * 9, || None), "c");
    }

    #[test]
    fn after_a_long_silence_the_old_token_is_void() {
        let begin = edgebind_kernel::clock::now();
        let mut tokens = Tokens::new("a".to_owned(), PERIOD, begin);
        tokens.current(begin + PERIOD * 3, || Some("b".to_owned()));
        assert!(!tokens.accept(b"a") && tokens.accept(b"b"));
    }
}
