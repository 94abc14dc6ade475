//! Scripts and settings as text, XML and HTML (script resource notes, 2.5). Pure.

use crate::{ScriptView, Setting, Settings};

use super::page::escape;

/// The shape of an answer, as `format=` asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Xml,
    Html,
}

impl Format {
    /// What `format=` means; anything else is text, as in the original.
    pub(super) fn parse(name: Option<&str>) -> Self {
        match name {
            Some("text/xml" | "application/xml" | "xml") => Self::Xml,
            Some("text/html" | "html") => Self::Html,
            _ => Self::Text,
        }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Xml => "text/xml",
            Self::Html => "text/html",
        }
    }
}

/// All scripts.
pub(super) fn list(scripts: &[ScriptView], format: Format) -> String {
    let count = scripts.len();
    match format {
        Format::Text => {
            let head = format!("{count} scripts installed\n\n{}", row("Name", "Status", "Result", "File"));
            let row =
                |script: &ScriptView| row(&script.name, script.phase.as_str(), &script.result, &script.file);
            head + &scripts.iter().map(row).collect::<String>()
        }
        Format::Xml => {
            let row = |script: &ScriptView| {
                format!(
                    "<Script name=\"{}\" status=\"{}\" filename=\"{}\" result=\"{}\"/>\n",
                    escape(&script.name),
                    script.phase.as_str(),
                    escape(&script.file),
                    escape(&script.result),
                )
            };
            let rows: String = scripts.iter().map(row).collect();
            format!("<ScriptList count=\"{count}\">\n{rows}</ScriptList>\n")
        }
        Format::Html => {
            let row = |script: &ScriptView| {
                let cells = [&*script.name, script.phase.as_str(), &script.result, &script.file];
                html_row("td", &cells)
            };
            let rows: String = scripts.iter().map(row).collect();
            let head = html_row("th", &["Name", "Status", "Result", "File"]);
            span(&format!("{count} scripts installed<br><br>\n<table>\n{head}{rows}</table>"))
        }
    }
}

/// Status or result of a script: `element` is `ScriptStatus` or `ScriptResult`.
pub(super) fn one(element: &str, script: &str, text: &str, format: Format) -> String {
    match format {
        Format::Text if text.is_empty() => String::new(),
        Format::Text => format!("{text}\n"),
        Format::Xml => format!(
            "<{element}List>\n<{element} name=\"{}\"><![CDATA[{}]]></{element}>\n</{element}List>\n",
            escape(script),
            cdata(text),
        ),
        Format::Html => span(&format!("{}<br><br>", escape(text))),
    }
}

/// Settings by name.
pub(super) fn settings(settings: &Settings, format: Format) -> String {
    let rows = settings
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(&text(value)).into_owned()));
    match format {
        Format::Text => rows.map(|(name, value)| format!("{name}: {value}\n")).collect(),
        Format::Xml => {
            let rows: String = rows
                .map(|(name, value)| {
                    format!("<Property name=\"{}\"><![CDATA[{}]]></Property>\n", escape(name), cdata(&value))
                })
                .collect();
            format!("<PropertyList>\n{rows}</PropertyList>\n")
        }
        Format::Html => {
            let rows: String = rows.map(|(name, value)| html_row("td", &[name, &value])).collect();
            span(&format!("<table>\n{rows}</table>"))
        }
    }
}

/// A setting as the original writes it: `{ a=1, b={ c="x", }, }` for a table, `<functionDump>HEX</functionDump>` for a
/// function.
pub(crate) fn text(setting: &Setting) -> Vec<u8> {
    match setting {
        Setting::Text(text) => text.clone(),
        other => crate::config_lua::literal(other),
    }
}

/// Columns of 15, 15, 40 and 40 characters; a result is cut to its column.
fn row(name: &str, status: &str, result: &str, file: &str) -> String {
    let result: String = result.chars().take(39).map(|c| if c.is_control() { ' ' } else { c }).collect();
    // A name that fills its column keeps a blank behind it.
    let (name, file) = (format!("{name} "), format!("{file} "));
    format!("{name:<15}{status:<15}{result:<40}{file:<40}\n")
}

fn html_row(cell: &str, cells: &[&str]) -> String {
    let cells: String = cells.iter().map(|text| format!("<{cell}>{}</{cell}>", escape(text))).collect();
    format!("<tr>{cells}</tr>\n")
}

fn span(inner: &str) -> String {
    format!("<span class=\"PalantiriLevel1\">\n{inner}\n</span>\n")
}

/// What ends the section in the middle is cut in two.
fn cdata(text: &str) -> String {
    text.replace("]]>", "]]]]><![CDATA[>")
}

#[cfg(test)]
mod tests {
    use crate::Phase;

    use super::*;

    fn script(name: &str, phase: Phase, result: &str, file: &str) -> ScriptView {
        ScriptView {
            name: name.to_owned(),
            file: file.to_owned(),
            phase,
            result: result.to_owned(),
            settings: Settings::new(),
            at_run_time: false,
        }
    }

    #[test]
    fn the_list_has_the_recorded_columns() {
        let scripts = [
            script("done", Phase::Finished, "last,,,2,first", "done.lua"),
            script("a name of many letters", Phase::Running, &"x\n".repeat(50), "thing.lua"),
        ];
        let text = list(&scripts, Format::Text);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "2 scripts installed");
        assert_eq!(lines[3].len(), 110);
        assert!(lines[3].starts_with("done           Finished       last,,,2,first   "), "{text}");
        assert!(lines[4].starts_with("a name of many letters Running "), "{text}");
        assert_eq!(lines.len(), 5, "a result is one line");
    }

    #[test]
    fn xml_and_html_are_the_recorded_ones() {
        let scripts = [script("a", Phase::Finished, "Error: \"x\"", "a.lua")];
        let wanted = "<ScriptList count=\"1\">\n<Script name=\"a\" status=\"Finished\" filename=\"a.lua\" \
                      result=\"Error: &quot;x&quot;\"/>\n</ScriptList>\n";
        assert_eq!(list(&scripts, Format::Xml), wanted);
        let wanted = "<ScriptStatusList>\n<ScriptStatus name=\"s\"><![CDATA[Finished]]></ScriptStatus>\n\
                      </ScriptStatusList>\n";
        assert_eq!(one("ScriptStatus", "s", "Finished", Format::Xml), wanted);
        let wanted = "<span class=\"PalantiriLevel1\">\nFinished<br><br>\n</span>\n";
        assert_eq!(one("ScriptStatus", "s", "Finished", Format::Html), wanted);
        assert_eq!(one("ScriptResult", "s", "", Format::Text), "");
    }

    #[test]
    fn settings_are_lines_and_tables_are_lua() {
        let table = Setting::Table(vec![(Setting::from("a"), Setting::Number(1.0))]);
        let all: Settings = [("t".to_owned(), table), ("file".to_owned(), Setting::from("x.lua"))].into();
        assert_eq!(settings(&all, Format::Text), "file: x.lua\nt: { a=1, }\n");
        assert!(settings(&all, Format::Xml).contains("<Property name=\"file\"><![CDATA[x.lua]]></Property>"));
    }
}
