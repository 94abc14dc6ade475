//! What a proxy asks for in `Proxy-Authenticate` (RFC 9110, 11.6.1).

/// One scheme that the proxy offers, with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    scheme: String,
    /// Names in lower case.
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Reads the value of one header line, which may hold several challenges.
    pub(crate) fn parse(value: &str) -> Vec<Self> {
        let mut challenges: Vec<Self> = Vec::new();
        for item in items(value) {
            let name = item.split_once('=').map_or(item, |(name, _)| name).trim_end();
            // A parameter has one word before its `=`; a scheme stands alone or before its first parameter.
            let parameter = match (item.contains('='), name.contains(char::is_whitespace)) {
                (false, _) => None,
                (true, false) => Some(item),
                (true, true) => item.split_once(char::is_whitespace).map(|(_, rest)| rest.trim_start()),
            };
            let is_new = parameter != Some(item);
            if is_new {
                let scheme = item.split(char::is_whitespace).next().unwrap_or_default().to_owned();
                challenges.push(Self { scheme, parameters: Vec::new() });
            }
            let (Some(challenge), Some((name, value))) =
                (challenges.last_mut(), parameter.and_then(|parameter| parameter.split_once('=')))
            else {
                continue;
            };
            challenge.parameters.push((name.trim().to_ascii_lowercase(), unquoted(value.trim())));
        }
        challenges
    }

    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }

    pub(crate) fn is_of(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// A parameter by its name in lower case.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the answer was right and only its nonce too old.
    pub(crate) fn is_stale(&self) -> bool {
        self.parameter("stale").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// Splits at commas that are not within quotes.
fn items(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = value.split(move |c| {
        let was_escaped = escaped;
        escaped = quoted && !was_escaped && c == '\\';
        if c == '"' && !was_escaped {
            quoted = !quoted;
        }
        c == ',' && !quoted
    });
    parts.map(str::trim).filter(|item| !item.is_empty())
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').map(|rest| rest.strip_suffix('"').unwrap_or(rest)) else {
        return value.to_owned();
    };
    let mut escaped = false;
    let kept = inner.chars().filter(|&c| {
        escaped = c == '\\' && !escaped;
        !escaped
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_challenges_in_one_line_are_told_apart() {
        let value = r#"NTLM, Basic realm="a, \"b\"" , Digest realm = "x", nonce=abc==, qop="auth,auth-int", stale=TRUE"#;
        let found = Challenge::parse(value);
        let schemes: Vec<_> = found.iter().map(Challenge::scheme).collect();
        assert_eq!(schemes, ["NTLM", "Basic", "Digest"]);
        assert_eq!(found[1].parameter("realm"), Some("a, \"b\""));
        assert_eq!(found[2].parameter("realm"), Some("x"));
        assert_eq!(found[2].parameter("nonce"), Some("abc=="));
        assert_eq!(found[2].parameter("qop"), Some("auth,auth-int"));
        assert!(found[2].is_stale() && !found[1].is_stale());
    }

    #[test]
    fn nonsense_is_no_panic() {
        for value in [
            "",
            ",",
            "=",
            "\"",
            "a=\"",
            "\\",
            "Basic",
            "Basic ,",
            "= =,=",
            "Digest nonce",
            "Bearer \"=",
            "a b c=d",
        ] {
            for challenge in Challenge::parse(value) {
                assert!(!challenge.scheme().contains(' '), "{value:?}");
            }
        }
        assert_eq!(Challenge::parse("Negotiate YII=").first().map(Challenge::scheme), Some("Negotiate"));
    }
}
