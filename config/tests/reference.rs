//! The reference page and the annotated sample of the configuration are made from the model: its doc comments and its
//! `Default` implementations. After a change of the model: `UPDATE_REFERENCE=1 cargo test -p edgebind-config --test reference`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use edgebind_config::{Config, Sources, load};

#[test]
fn the_reference_page_is_that_of_the_model() {
    compare("docs/reference/configuration.md", &page());
}

#[test]
fn the_annotated_sample_is_that_of_the_model() {
    compare("docs/reference/config.sample.json", &sample());
}

#[test]
fn the_annotated_sample_loads_and_says_what_the_defaults_say() {
    let sample = sample();
    let loaded = load(&Sources::text("config.sample.json", sample.as_bytes()))
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(
        loaded.diagnostics.iter().all(|found| found.key == "offline_msg_store.max_size"),
        "{:?}",
        loaded.diagnostics
    );
    let (mut said, mut default) = (loaded.config, Config::default());
    // What has no default: the platform, and things.
    for config in [&mut said, &mut default] {
        config.ws_servers.clear();
    }
    let entry = said.auto_bind.pop().expect("one entry");
    let default_entry = edgebind_config::AutoBind { name: entry.name.clone(), ..Default::default() };
    assert_eq!(format!("{entry:?}"), format!("{default_entry:?}"));
    assert_eq!(format!("{said:#?}"), format!("{default:#?}"));
}

/// Groups in the order of the page: key in the file, struct, its file, whether it is a list of tables.
const GROUPS: &[(&str, &str, &str)] = &[
    ("ws_servers[]", "Server", include_str!("../src/model/server.rs")),
    ("http_server", "HttpServer", include_str!("../src/model/http_server.rs")),
    ("auto_bind[]", "AutoBind", include_str!("../src/model/auto_bind.rs")),
    ("ws_connection", "WsConnection", include_str!("../src/model/ws_connection.rs")),
    ("certificates", "Certificates", include_str!("../src/model/certificates.rs")),
    ("proxy", "Proxy", include_str!("../src/model/proxy.rs")),
    ("offline_msg_store", "OfflineStore", include_str!("../src/model/offline_store.rs")),
    ("logger", "Logger", include_str!("../src/model/logger.rs")),
    ("fips", "Fips", include_str!("../src/model/certificates.rs")),
    ("observability", "Observability", include_str!("../src/model/observability.rs")),
    ("edgebind", "Edgebind", include_str!("../src/model/edgebind.rs")),
];

const TOP: (&str, &str) = ("Config", include_str!("../src/model.rs"));

/// A field of a struct of the model.
struct Field {
    name: String,
    doc: String,
    kind: String,
    /// The expression of its default, when the struct writes one.
    default: Option<String>,
}

fn page() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         `config.json` as the original has it, and two groups of our own at the end. Made from the sources by a test; do not edit.\n\
         The same as a file: [config.sample.json](config.sample.json).\n\n\
         Names of keys are compared without regard to case. `//` and `/* */` comments and trailing commas are allowed. Unknown keys are\n\
         warned about. Each key can also be set by an environment variable, `EDGEBIND_<GROUP>__<KEY>`\n\
         (`EDGEBIND_HTTP_SERVER__PORT=8100`, `EDGEBIND_APPKEY=…`; lists and tables as JSON); it wins over the file, and options of\n\
         the command line win over it. `edgebind check` says what a file means.\n\n\
         A *secret* is a text, a value `EB1:…` of `edgebind encrypt`, or a reference: `{\"env\": \"NAME\"}`, `{\"file\": \"PATH\"}` (a\n\
         relative path begins at the configuration file), `{\"credential\": \"NAME\"}` (systemd). Values `AES:…` of the original cannot be read.\n\n\
         ## Top level\n\n",
    );
    rows(&mut page, &fields(TOP.0, TOP.1));
    for (key, name, source) in GROUPS {
        let _ = write!(page, "\n## `{key}`\n\n{}\n\n", struct_doc(name, source));
        rows(&mut page, &fields(name, source));
    }
    page
}

fn rows(page: &mut String, fields: &[Field]) {
    page.push_str("| key | type | meaning |\n| --- | --- | --- |\n");
    for field in fields {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            field.name,
            type_name(&field.kind),
            field.doc.replace('|', "\\|")
        );
    }
}

fn sample() -> String {
    let mut text = String::from(
        "// Every key with its default; what has none is commented out. Made from the sources by a test: do not edit,\n\
         // copy the lines you need. A gateway needs `ws_servers`, `http_server` and `appKey`.\n{\n",
    );
    for field in fields(TOP.0, TOP.1) {
        let group = GROUPS.iter().find(|(key, ..)| key.trim_end_matches("[]") == field.name);
        comment(&mut text, 1, &field.doc);
        match group {
            None => entry(&mut text, 1, &field),
            Some((key, name, source)) => {
                let list = key.ends_with("[]");
                // A group whose absence means something is commented out as a whole.
                let slashes = if field.kind.starts_with("Option") { "// " } else { "" };
                let _ = writeln!(text, "\t{slashes}\"{}\": {}", field.name, if list { "[{" } else { "{" });
                for inner in fields(name, source) {
                    comment(&mut text, 2, &inner.doc);
                    let mut line = String::new();
                    entry(&mut line, 2, &inner);
                    text.push_str(&if line.starts_with("\t\t//") {
                        line
                    } else {
                        line.replacen("\t\t", &format!("\t\t{slashes}"), 1)
                    });
                }
                let _ = writeln!(text, "\t{slashes}{},", if list { "}]" } else { "}" });
            }
        }
    }
    text.push_str("}\n");
    text
}

fn comment(text: &mut String, depth: usize, doc: &str) {
    const WIDTH: usize = 100;
    let indent = "\t".repeat(depth);
    let mut line = String::new();
    for word in doc.split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{indent}// {line}");
            line.clear();
        }
        line.push_str(if line.is_empty() { "" } else { " " });
        line.push_str(word);
    }
    let _ = writeln!(text, "{indent}// {line}");
}

fn entry(text: &mut String, depth: usize, field: &Field) {
    let indent = "\t".repeat(depth);
    let required = match (field.name.as_str(), type_name(&field.kind)) {
        ("host", "text") if field.default.is_none() => Some("\"platform.example\""),
        ("port", "whole number") if field.default.is_none() => Some("443"),
        ("appKey", _) => Some("\"your-application-key\""),
        ("name", "text") if field.default.as_deref() == Some("String::new()") => Some("\"EdgeGateway\""),
        _ => None,
    };
    let value = required.map(str::to_owned).or_else(|| field.default.as_deref().and_then(json));
    let _ = match value {
        Some(value) => writeln!(text, "{indent}\"{}\": {value},", field.name),
        None => writeln!(text, "{indent}// \"{}\": …,", field.name),
    };
}

/// The JSON of a default's expression; `None` when the default is to have none.
fn json(expression: &str) -> Option<String> {
    let inner =
        |prefix: &str, suffix: &str| expression.strip_prefix(prefix)?.strip_suffix(suffix).map(str::to_owned);
    let number = |text: &str| text.replace('_', "");
    if let Some(text) = inner("\"", "\".to_owned()") {
        return Some(format!("\"{text}\""));
    }
    if let Some(millis) = inner("Duration::from_millis(", ")") {
        return Some(number(&millis));
    }
    if let Some(items) = inner("vec![", "]") {
        return Some(format!("[{}]", items.replace(".to_owned()", "")));
    }
    if number(expression).parse::<f64>().is_ok() || matches!(expression, "true" | "false") {
        return Some(number(expression));
    }
    match expression {
        "Self::CHOSEN_ABOVE_BYTES" => Some(edgebind_config::OfflineStore::CHOSEN_ABOVE_BYTES.to_string()),
        "LogLevel::Warn" => Some("\"WARN\"".to_owned()),
        "Vec::new()" => Some("[]".to_owned()),
        "Duration::ZERO" => Some("0".to_owned()),
        "None" | "String::new()" | "BTreeMap::new()" | "SecretString::default()" => None,
        other => match other.split_once("::") {
            // A word of an enum; loading the sample shows whether it is spelt so.
            Some((_, word)) if word.chars().all(char::is_alphanumeric) => {
                Some(format!("\"{}\"", word.to_lowercase()))
            }
            _ => panic!("how is the default {other} written in JSON?"),
        },
    }
}

fn type_name(kind: &str) -> &'static str {
    match kind.trim_start_matches("Option<").trim_end_matches('>') {
        "String" | "PathBuf" => "text",
        "SecretString" => "secret",
        "bool" => "true or false",
        "Duration" => "milliseconds",
        "f64" => "number",
        "u8" | "u16" | "u32" | "u64" | "i32" => "whole number",
        "Vec<String" | "Vec<PathBuf" => "list of texts",
        "Vec<Server" | "Vec<AutoBind" => "list of tables",
        "BTreeMap<String, SecretString" => "table of secrets",
        "BTreeMap<String, String" => "table of texts",
        "LogLevel" | "Protocol" | "Encryption" | "LogFormat" | "NameConflict" => "word",
        _ => "table",
    }
}

fn struct_doc(name: &str, source: &str) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let at =
        lines.iter().position(|line| *line == format!("pub struct {name} {{")).expect("the struct is there");
    let doc = lines
        .iter()
        .take(at)
        .rev()
        .skip_while(|line| line.starts_with("#["))
        .take_while(|line| line.starts_with("///"));
    let doc: Vec<&str> = doc.copied().collect();
    joined(doc.into_iter().rev())
}

fn fields(name: &str, source: &str) -> Vec<Field> {
    let body = between(source, &format!("pub struct {name} {{\n"), "\n}");
    let defaults = source
        .contains(&format!("impl Default for {name} {{"))
        .then(|| between(source, &format!("impl Default for {name} {{"), "\n}"));
    let derived = source.contains("Default") && defaults.is_none() && name == "Fips";
    let mut fields = Vec::new();
    let (mut doc, mut renamed) = (Vec::new(), None);
    for line in body.lines().map(str::trim) {
        if line.starts_with("///") {
            doc.push(line);
        } else if let Some(rename) = line.strip_prefix("#[serde(rename = \"") {
            renamed = rename.strip_suffix("\")]").map(str::to_owned);
        } else if let Some((field, kind)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(": ")) {
            let default = match (&defaults, derived) {
                (Some(defaults), _) => default_of(field, defaults),
                (None, true) => Some("false".to_owned()),
                (None, false) => None,
            };
            fields.push(Field {
                name: renamed.take().unwrap_or_else(|| field.to_owned()),
                doc: joined(doc.drain(..)),
                kind: kind.trim_end_matches(',').to_owned(),
                default,
            });
        }
    }
    assert!(!fields.is_empty(), "{name} has fields");
    fields
}

fn default_of(field: &str, defaults: &str) -> Option<String> {
    let line = format!("{field}: ");
    let written =
        defaults.split(['\n', '{', ','].as_slice()).map(str::trim).find_map(|part| part.strip_prefix(&line));
    // An expression with commas or line breaks stands in no model so far; loading the sample would show it.
    written.map(|expression| expression.trim_end_matches([' ', '}']).to_owned())
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("{start} is there"));
    rest.split_once(end).map_or(rest, |(body, _)| body)
}

/// The text of doc comments, links of rustdoc as plain names.
fn joined<'l>(lines: impl Iterator<Item = &'l str>) -> String {
    let text: Vec<&str> = lines.map(|line| line.trim_start_matches("///").trim()).collect();
    let text = text.join(" ");
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, link)) = rest.split_once("[`") {
        let (name, after) = link.split_once("`]").expect("a link ends");
        plain.push_str(before);
        let _ = write!(plain, "`{name}`");
        rest = after;
    }
    plain += rest;
    // What points to a function helps nobody who writes a configuration.
    while let Some((before, see)) = plain.split_once(" See `").filter(|(_, see)| see.contains("::")) {
        let after = see.split_once("`.").map_or("", |(_, after)| after);
        plain = format!("{before}{after}");
    }
    plain
}

fn compare(path: &str, made: &str) {
    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&file, made).expect("the page can be written");
    }
    let stands = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        stands == made,
        "{path} is not that of the model: UPDATE_REFERENCE=1 cargo test -p edgebind-config --test reference"
    );
}
