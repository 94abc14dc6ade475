//! The `log` library (script resource notes, 3.2): `log.warn(source, format, ...)`.

mod format;

use mlua::{Table, Value};

use super::arguments::Arguments;
use crate::{
    host::{Arity, Natives},
    log::{self, Level},
};

/// Fills `log`.
///
/// # Errors
///
/// Not enough memory.
pub(super) fn install(natives: &Natives<'_>) -> mlua::Result<()> {
    let table: Table = natives.table("log")?;
    for level in Level::ALL {
        let write =
            natives.plain(Arity::at_least(0), move |_, arguments: Arguments| write(level, &arguments))?;
        table.raw_set(level.as_str().to_ascii_lowercase(), write)?;
    }
    table.raw_set(
        "setLevel",
        natives.plain(Arity::exactly(1), |_, arguments: Arguments| set_level(&arguments))?,
    )?;
    table.raw_set(
        "data_bytes",
        natives.plain(Arity::exactly(2), |_, arguments: Arguments| data_bytes(&arguments))?,
    )?;
    let itself = table.clone();
    table.raw_set("new", natives.plain(Arity::at_least(0), move |_, _: Arguments| Ok(itself.clone()))?)
}

/// A line that would not be written is not formatted, so that its arguments are not looked at.
fn write(level: Level, arguments: &Arguments) -> mlua::Result<()> {
    let (source, format) = (arguments.text(0)?, arguments.text(1)?);
    if log::enabled(level) {
        let message = format::format(&format, arguments, 2)?;
        log::write(level, String::from_utf8_lossy(&source), String::from_utf8_lossy(&message));
    }
    Ok(())
}

fn set_level(arguments: &Arguments) -> mlua::Result<()> {
    let name = arguments.text(0)?;
    let name = String::from_utf8_lossy(&name);
    let level = Level::parse(&name).ok_or_else(|| {
        let known = Level::ALL.map(Level::as_str).join(", ");
        mlua::Error::runtime(format!("{name} is no log level: expected one of {known}"))
    })?;
    log::set_level(level);
    Ok(())
}

/// A text byte by byte.
fn data_bytes(arguments: &Arguments) -> mlua::Result<()> {
    let source = arguments.text(0)?;
    if log::enabled(Level::Debug) && !matches!(arguments.value(1), Value::Nil) {
        let bytes: Vec<String> = arguments.text(1)?.iter().map(|byte| format!("{byte:02x}")).collect();
        log::write(Level::Debug, String::from_utf8_lossy(&source), bytes.join(" "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::host::testing::eval;

    #[test]
    fn every_level_is_a_function_without_results() {
        for level in ["force", "audit", "error", "warn", "info", "debug", "trace"] {
            let code = format!("return select('#', log.{level}('conf', 'level %s %d', '{level}', 3))");
            assert_eq!(eval(&code), Ok("0".into()), "{level}");
        }
        assert_eq!(
            eval(
                "local k = {} for n in pairs(log) do k[#k + 1] = n end table.sort(k)
                return table.concat(k, ','), log == logger, log == tw_logger, ps_logger, require 'log' == log"
            ),
            Ok("audit,data_bytes,debug,error,force,info,new,setLevel,trace,warn,true,true,nil,true".into())
        );
    }

    #[test]
    fn bad_arguments_are_errors_as_in_the_original() {
        let cases = [
            ("'only source'", "bad argument #2 to '?' (string expected, got no value)"),
            ("'src', nil", "bad argument #2 to '?' (string expected, got nil)"),
            ("", "bad argument #1 to '?' (string expected, got no value)"),
            ("{}, 'x'", "bad argument #1 to '?' (string expected, got table)"),
            ("'src', '%d', 'x'", "bad argument #2 to '?' (number expected, got string)"),
            ("'src', '%s %s', 'a'", "bad argument #3 to '?' (string expected, got no value)"),
            ("'src', '%s', {}", "bad argument #2 to '?' (string expected, got table)"),
        ];
        for (arguments, expected) in cases {
            let error = eval(&format!("log.warn({arguments})")).unwrap_err();
            assert!(error.contains(expected), "{arguments}: {error}");
        }
        for well in ["'src', '100% sure'", "'src', '%s', nil", "'src', 5", "5, 'x'"] {
            assert_eq!(eval(&format!("log.warn({well})")), Ok(String::new()), "{well}");
        }
    }

    #[test]
    fn an_unknown_level_is_refused() {
        let error = eval("log.setLevel('verbose')").unwrap_err();
        assert!(error.contains("verbose is no log level: expected one of FORCE, AUDIT, ERROR"), "{error}");
        assert_eq!(eval("log.setLevel('info')"), Ok(String::new()));
    }
}
