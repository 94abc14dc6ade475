//! Lines for people: columns, and times as they are read.

use serde_json::Value;

/// A place in an answer; null if there is none.
pub(super) fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// A text of an answer; a dash for nothing.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

/// How long ago, in the largest unit that says enough.
pub(super) fn ago(unix_ms: &Value, now_unix_ms: i64) -> String {
    unix_ms.as_i64().map_or_else(|| "-".to_owned(), |then| span((now_unix_ms - then).max(0)))
}

/// How long until then; nothing if it is past or not known.
pub(super) fn ahead(unix_ms: &Value, now_unix_ms: i64) -> Option<String> {
    let wait = unix_ms.as_i64()? - now_unix_ms;
    Some(if wait <= 0 { "now".to_owned() } else { format!("in {}", span(wait)) })
}

/// Rows as lines with aligned columns; the first row is the heading.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut lines = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        lines += cells.join("  ").trim_end();
        lines.push('\n');
    }
    lines
}

/// A length of time, in the largest unit that says enough.
pub(super) fn span(ms: i64) -> String {
    match ms / 1000 {
        s @ ..60 => format!("{s} s"),
        s @ ..3600 => format!("{} min", s / 60),
        s @ ..172_800 => format!("{} h", s / 3600),
        s => format!("{} d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_people_think_in() {
        let told: Vec<String> = [0, 59_999, 60_000, 3_600_000, 86_400_000, 172_800_000]
            .map(|then| ago(&then.into(), 172_800_000))
            .into();
        assert_eq!(told, ["2 d", "47 h", "47 h", "47 h", "24 h", "0 s"]);
        assert_eq!(ago(&Value::Null, 5), "-");
        assert_eq!(ahead(&Value::from(5), 5).as_deref(), Some("now"));
        assert_eq!(ahead(&Value::from(90_005), 5).as_deref(), Some("in 1 min"));
    }
}
