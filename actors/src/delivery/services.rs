//! Which services may be kept while the platform is away (`edgebind.store_services`).

/// Patterns of names; `*` stands for any text.
#[derive(Clone, Debug)]
pub struct Services(Vec<String>);

impl Services {
    /// Takes the patterns of the configuration.
    #[must_use]
    pub const fn new(patterns: Vec<String>) -> Self {
        Self(patterns)
    }

    pub(crate) fn contain(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| matches(pattern, name))
    }
}

impl Default for Services {
    fn default() -> Self {
        Self(vec!["*".to_owned()])
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    let Some((front, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(front) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        // The first place is as good as any: what follows may stand anywhere behind it.
        let Some((_, behind)) = name.split_once(part) else { return false };
        name = behind;
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, fits) in [
            ("*", "", true),
            ("*", "AddRow", true),
            ("AddRow", "AddRow", true),
            ("AddRow", "AddRows", false),
            ("Log*", "LogEntry", true),
            ("Log*", "Catalog", false),
            ("*Entry", "LogEntry", true),
            ("Add*Entry*", "AddDataTableEntry", true),
            ("Add*Entry*", "AddDataTable", false),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
        ] {
            assert_eq!(Services::new(vec![pattern.to_owned()]).contain(name), fits, "{pattern} {name}");
        }
        assert!(!Services::new(Vec::new()).contain("x"), "an empty list keeps none");
    }
}
