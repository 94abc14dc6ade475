//! The spool as people read it.

use serde_json::Value;

use crate::{
    cli::table::{ago, aligned, at, text},
    spool::Rescued,
};

/// Leaves of an overview what belongs to one entity.
pub(super) fn narrowed(mut overview: Value, entity: Option<&str>) -> Value {
    let Some(entity) = entity else { return overview };
    for list in ["entities", "dead"] {
        if let Some(Value::Array(rows)) = overview.get_mut(list) {
            rows.retain(|row| at(row, "/entity") == entity);
        }
    }
    overview
}

/// What waits, by entity, and the dead letters.
pub(super) fn overview(overview: &Value, now_unix_ms: i64) -> String {
    let (records, dead) = (count(overview, "/records"), count(overview, "/dead_records"));
    let mut lines = format!(
        "{records} records wait, {}, the oldest since {}; {dead} dead letters, {}; {} registrations\n",
        size(at(overview, "/bytes")),
        ago(at(overview, "/oldest_unix_ms"), now_unix_ms),
        size(at(overview, "/dead_bytes")),
        at(overview, "/registrations"),
    );
    let entities = at(overview, "/entities").as_array().map_or(&[][..], Vec::as_slice);
    if !entities.is_empty() {
        let mut rows = vec![["WAITING", "RECORDS", "SIZE", "OLDEST"].map(str::to_owned).to_vec()];
        rows.extend(entities.iter().take(SHOWN).map(|entity| {
            vec![
                text(at(entity, "/entity")).to_owned(),
                at(entity, "/records").to_string(),
                size(at(entity, "/bytes")),
                ago(at(entity, "/oldest_unix_ms"), now_unix_ms),
            ]
        }));
        lines += &format!("\n{}", aligned(&rows));
        if entities.len() > SHOWN {
            lines += &format!("and {} entities more: --json shows all\n", entities.len() - SHOWN);
        }
    }
    let letters = at(overview, "/dead").as_array().map_or(&[][..], Vec::as_slice);
    if !letters.is_empty() {
        lines += &format!("\n{}", dead_rows(letters.iter().take(SHOWN), now_unix_ms));
        let more = usize::try_from(dead).unwrap_or(usize::MAX).saturating_sub(SHOWN);
        if letters.len() > SHOWN && more > 0 {
            lines += &format!("and more: edgebind spool export --dead shows all {dead}\n");
        }
    }
    lines
}

/// A line a record.
pub(super) fn records(records: &Value, now_unix_ms: i64) -> String {
    let records = records.as_array().map_or(&[][..], Vec::as_slice);
    if records.is_empty() {
        return "Nothing waits, and nothing was given up.\n".to_owned();
    }
    let mut rows =
        vec![["ID", "STATE", "ENTITY", "KIND", "SIZE", "AGE", "REASON"].map(str::to_owned).to_vec()];
    rows.extend(records.iter().map(|record| {
        let reason = at(record, "/reason").as_str().unwrap_or_default();
        vec![
            at(record, "/id").to_string(),
            text(at(record, "/state")).to_owned(),
            text(at(record, "/entity")).to_owned(),
            text(at(record, "/kind")).to_owned(),
            size(at(record, "/size_bytes")),
            ago(at(record, "/accepted_unix_ms"), now_unix_ms),
            reason.to_owned(),
        ]
    }));
    aligned(&rows)
}

/// One record with what it says.
pub(super) fn record(record: &Value, now_unix_ms: i64) -> String {
    let mut lines = format!(
        "record    {}, {}\nentity    {}\nkind      {}\nsize      {}\naccepted  {} ago\n",
        at(record, "/id"),
        text(at(record, "/state")),
        text(at(record, "/entity")),
        text(at(record, "/kind")),
        size(at(record, "/size_bytes")),
        ago(at(record, "/accepted_unix_ms"), now_unix_ms),
    );
    if let Some(reason) = at(record, "/reason").as_str() {
        lines += &format!("given up  {} ago: {reason}\n", ago(at(record, "/died_unix_ms"), now_unix_ms));
    }
    if let Some(bytes) = at(record, "/bytes_hex").as_str() {
        lines += &format!("bytes     {bytes}\n");
    } else {
        lines += &format!("{:#}\n", at(record, "/message"));
    }
    lines
}

/// What was rescued into the spool.
pub(super) fn rescued(rescued: &Rescued) -> String {
    format!("{}The file is {} now.\n", found(rescued), rescued.file.display())
}

/// What could be read.
pub(super) fn found(rescued: &Rescued) -> String {
    let Rescued { records, dead, registrations, damaged, unreadable, .. } = rescued;
    let mut lines =
        format!("{records} records, {dead} dead letters and {registrations} registrations were read.\n");
    if *damaged > 0 {
        lines += &format!("{damaged} rows are damaged and lost.\n");
    }
    if *unreadable {
        lines += "Parts of the file cannot be read; what stood there is lost.\n";
    }
    lines
}

fn dead_rows<'r>(letters: impl Iterator<Item = &'r Value>, now_unix_ms: i64) -> String {
    let heading = ["DEAD", "ENTITY", "KIND", "SIZE", "ACCEPTED", "GIVEN UP", "REASON"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(letters.map(|letter| {
        vec![
            at(letter, "/id").to_string(),
            text(at(letter, "/entity")).to_owned(),
            text(at(letter, "/kind")).to_owned(),
            size(at(letter, "/size_bytes")),
            ago(at(letter, "/accepted_unix_ms"), now_unix_ms),
            ago(at(letter, "/died_unix_ms"), now_unix_ms),
            text(at(letter, "/reason")).to_owned(),
        ]
    }));
    aligned(&rows)
}

fn count(value: &Value, pointer: &str) -> u64 {
    at(value, pointer).as_u64().unwrap_or_default()
}

fn size(bytes: &Value) -> String {
    match bytes.as_u64() {
        None => "-".to_owned(),
        Some(bytes @ ..10_240) => format!("{bytes} B"),
        Some(bytes @ ..10_485_760) => format!("{} KiB", bytes / 1024),
        Some(bytes) => format!("{} MiB", bytes / 1_048_576),
    }
}

/// Lines of a list before the rest is counted.
const SHOWN: usize = 40;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_read_what_waits_and_why_something_was_given_up() {
        let value = json!({
            "records": 3, "bytes": 20_480, "oldest_unix_ms": 0, "dead_records": 1, "dead_bytes": 57, "registrations": 2,
            "entities": [{ "entity": "Things/Pump", "records": 3, "bytes": 20_480, "oldest_unix_ms": 0 }],
            "dead": [{ "id": 7, "state": "dead", "entity": "Things/Fan", "kind": "write", "size_bytes": 57,
                       "accepted_unix_ms": 60_000, "died_unix_ms": 119_000, "reason": "refused with 0x80" }]
        });
        let expected = "3 records wait, 20 KiB, the oldest since 2 min; 1 dead letters, 57 B; 2 registrations\n\n\
                        WAITING      RECORDS  SIZE    OLDEST\nThings/Pump  3        20 KiB  2 min\n\n\
                        DEAD  ENTITY      KIND   SIZE  ACCEPTED  GIVEN UP  REASON\n\
                        7     Things/Fan  write  57 B  1 min     1 s       refused with 0x80\n";
        assert_eq!(overview(&value, 120_000), expected);
        let narrow = narrowed(value, Some("Things/Other"));
        assert_eq!(overview(&narrow, 120_000).lines().count(), 1);
    }
}
