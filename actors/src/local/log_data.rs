//! GetLogData, StartFileLogging and StopFileLogging (EMS notes, 7.9).

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use edgebind_alwayson::{BaseType, Code, Content, Field, InfoTable, Response, Value, json::Inputs};
use edgebind_observability::log::{LogRecord, file, ring};
use tracing::{Level, info, level_filters::LevelFilter, warn};

use super::{Caller, forbidden};
use crate::Units;

/// The latest lines of the log, oldest first: `maxItems` of them between `startDate` and `endDate`.
pub(super) fn latest(params: &Content, inputs: &Inputs, caller: Caller) -> Response {
    if *params == Content::Nothing && caller != Caller::Platform {
        return Response::error(Code::BAD_REQUEST, "GetLogData needs a body, if only {}");
    }
    let mut times = [SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + FAR];
    for (input, time) in ["startDate", "endDate"].into_iter().zip(&mut times) {
        match (inputs.integer(input), inputs.has(input)) {
            (Some(millis), _) => *time = at(millis),
            (None, true) => {
                let text = format!("the input '{input}' must be milliseconds since 1970");
                return Response::error(Code::BAD_REQUEST, text);
            }
            (None, false) => {}
        }
    }
    let [first, last] = times;
    let most = match (inputs.integer("maxItems"), inputs.has("maxItems")) {
        (Some(most), _) => usize::try_from(most).unwrap_or(0).min(ring::CAPACITY),
        (None, true) => return Response::error(Code::BAD_REQUEST, "the input 'maxItems' must be a number"),
        (None, false) => ring::CAPACITY,
    };
    let fields = [
        ("timestamp", BaseType::Datetime),
        ("level", BaseType::String),
        ("origin", BaseType::String),
        ("content", BaseType::String),
        ("instance", BaseType::String),
        ("session", BaseType::String),
        ("thread", BaseType::String),
        ("user", BaseType::String),
    ];
    let mut table = InfoTable::new(fields.map(|(name, base_type)| Field::new(name, base_type)).into());
    let records = ring::latest(most, |record| (first..=last).contains(&record.time));
    table.rows = records.iter().map(|record| row(record)).collect();
    Response::table(table)
}

/// Writes the log into files from now on.
pub(super) async fn start(units: &Units, inputs: &Inputs, caller: Caller) -> Response {
    if let Some(address) = caller.stranger(units) {
        return forbidden(address, "the files of this machine are not open to it");
    }
    let level = match inputs.text("level") {
        Some(text) => match level(text) {
            Some(level) => level,
            None => {
                let text = format!("the level {text:?} is none of {LEVELS}");
                return Response::error(Code::BAD_REQUEST, text);
            }
        },
        None => LevelFilter::INFO,
    };
    let folder = match inputs.text("directory") {
        Some(text) if !text.is_empty() => PathBuf::from(text),
        _ => units.local.log_directory.clone(),
    };
    let most = units.local.log_bytes;
    let shown = folder.display().to_string();
    let started = tokio::task::spawn_blocking(move || file::start(&folder, file::GATEWAY, level, most)).await;
    match started {
        Ok(Ok(())) => {
            info!(folder = %shown, %level, "The log is written to files.");
            Response::success()
        }
        Ok(Err(error)) => {
            let text = format!("no log files can be written in {shown:?}: {error}");
            Response::error(Code::INTERNAL_SERVER_ERROR, text)
        }
        Err(error) => Response::error(Code::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// Ends what [`start`] began; with `delete` the files go too.
pub(super) fn stop(units: &Units, inputs: &Inputs, caller: Caller) -> Response {
    if let Some(address) = caller.stranger(units) {
        return forbidden(address, "the files of this machine are not open to it");
    }
    match file::stop(inputs.boolean("delete").unwrap_or(false)) {
        Ok(()) => Response::success(),
        Err(error) => {
            warn!(%error, "The log files were not removed.");
            Response::error(Code::INTERNAL_SERVER_ERROR, format!("the log files were not removed: {error}"))
        }
    }
}

fn row(record: &LogRecord) -> Vec<Value> {
    let since = record.time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    vec![
        Value::Datetime(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
        Value::string(record.level.as_str()),
        Value::string(record.origin.as_ref()),
        Value::string(record.content.as_str()),
        Value::string(""),
        Value::string(""),
        Value::string(record.thread.as_str()),
        Value::string(""),
    ]
}

/// A time before 1970 counts as 1970, one beyond all calendars as the end.
fn at(millis: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(millis).unwrap_or(0)).min(FAR);
    SystemTime::UNIX_EPOCH + since
}

/// Levels of the original in those of the log (EMS notes, 3.3).
fn level(text: &str) -> Option<LevelFilter> {
    let level = match text.to_ascii_uppercase().as_str() {
        "FORCE" | "AUDIT" | "ERROR" => Level::ERROR,
        "WARN" => Level::WARN,
        "INFO" => Level::INFO,
        "DEBUG" => Level::DEBUG,
        "TRACE" | "VERBOSE" => Level::TRACE,
        _ => return None,
    };
    Some(LevelFilter::from_level(level))
}

const LEVELS: &str = "FORCE, AUDIT, ERROR, WARN, INFO, DEBUG, TRACE and VERBOSE";
/// The year 9999, which every clock of a file system can tell.
const FAR: Duration = Duration::from_secs(253_402_300_799);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_numbers_give_an_empty_table_and_no_panic() {
        for json in
            [r#"{"maxItems":-1}"#, r#"{"maxItems":0}"#, r#"{"startDate":8e15}"#, r#"{"endDate":-8e15}"#]
        {
            let inputs = Inputs::from_json(json).unwrap();
            let response = latest(&Content::Table(InfoTable::content(json)), &inputs, Caller::Local);
            assert_eq!(response.code, Code::SUCCESS, "{json}");
            assert!(response.content.as_table().unwrap().rows.is_empty(), "{json}");
        }
    }

    #[test]
    fn a_date_that_is_no_number_is_refused() {
        let inputs = Inputs::from_json(r#"{"startDate":"yesterday"}"#).unwrap();
        let response = latest(&Content::Table(InfoTable::content("{}")), &inputs, Caller::Local);
        assert_eq!(response.code, Code::BAD_REQUEST);
    }

    #[test]
    fn levels_of_the_original_are_known_in_any_case() {
        assert_eq!(level("verbose"), Some(LevelFilter::TRACE));
        assert_eq!(level("Force"), Some(LevelFilter::ERROR));
        assert_eq!(level("loud"), None);
    }
}
