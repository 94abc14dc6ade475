//! The arrows between our crates are those of ARCHITECTURE.md, and the protocol crate stays free of I/O and clock.
//!
//! Only normal dependencies count: tests may use what they like.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Who may depend on whom. A crate that is missing here fails the test: decide where it stands first.
const ARROWS: &[(&str, &[&str])] = &[
    (
        "edgebind",
        &["actors", "alwayson", "config", "kernel", "lsr", "observability", "platform", "store", "tls"],
    ),
    ("actors", &["alwayson", "config", "kernel", "observability", "store", "tls"]),
    ("lsr", &["alwayson", "config", "kernel", "observability", "tls"]),
    ("platform", &["alwayson", "kernel", "observability", "tls"]),
    ("alwayson", &[]),
    ("config", &[]),
    ("kernel", &[]),
    ("observability", &[]),
    ("oracle", &["kernel"]),
    ("store", &[]),
    ("tls", &[]),
];

/// May depend on every crate of ours.
const FREE: &[&str] = &["fuzz"];

/// Everything that the protocol crate may use directly.
const PROTOCOL_USES: &[&str] = &["base64", "bytes", "serde", "serde_json", "thiserror"];

/// What must not be anywhere below the protocol crate: runtimes, sockets, clocks and randomness.
const NO_PROTOCOL: &[&str] = &[
    "tokio",
    "actix",
    "mio",
    "socket2",
    "async-std",
    "smol",
    "chrono",
    "time",
    "rand",
    "fastrand",
    "getrandom",
];

/// What must not be in the sources of the protocol crate.
const NO_SOURCE: &[&str] =
    &["Instant::now", "SystemTime::now", ".elapsed()", "std::net", "std::fs", "std::thread"];

#[test]
fn our_crates_depend_downwards_only() {
    let wrong: Vec<_> =
        Graph::read().ours().flat_map(|(crate_name, uses)| forbidden(crate_name, &uses)).collect();
    assert!(wrong.is_empty(), "arrows that ARCHITECTURE.md does not have: {wrong:#?}");
}

#[test]
fn an_arrow_upwards_would_be_noticed() {
    let uses = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(forbidden("actors", &uses(&["kernel", "platform"])), ["actors -> platform"]);
    assert_eq!(forbidden("alwayson", &uses(&["kernel"])), ["alwayson -> kernel"]);
    assert_eq!(forbidden("new", &uses(&[])), ["new stands nowhere in the picture"]);
    assert!(forbidden("fuzz", &uses(&["alwayson", "lsr"])).is_empty());
}

#[test]
fn the_protocol_crate_uses_nothing_that_does_io() {
    let graph = Graph::read();
    let direct = graph.uses("edgebind-alwayson");
    let surplus: Vec<_> = direct.iter().filter(|name| !PROTOCOL_USES.contains(&name.as_str())).collect();
    assert!(surplus.is_empty(), "the protocol crate uses {surplus:?}; allowed are {PROTOCOL_USES:?}");
    let below = graph.below("edgebind-alwayson");
    assert!(below.contains("bytes"), "the walk sees the tree: {below:?}");
    let wrong: Vec<_> = below.iter().filter(|name| is_banned(name)).collect();
    assert!(wrong.is_empty(), "below the protocol crate stand {wrong:?}");
}

#[test]
fn the_protocol_crate_asks_no_clock_and_opens_nothing() {
    let sources = sources(&root().join("alwayson/src"));
    assert!(sources.len() > 3, "the sources are found: {sources:?}");
    let wrong: Vec<_> = sources
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).expect("a source file is text");
            calls_outside(&text).map(|found| format!("{}: {found}", path.display())).collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_clock_in_a_source_would_be_noticed() {
    let text = "/// like `Instant::now`\nlet x = 1; // Instant::now\nlet now = std::time::Instant::now();\n";
    assert_eq!(calls_outside(text).collect::<Vec<_>>(), ["line 3 has Instant::now"]);
    assert!(is_banned("tokio") && is_banned("tokio-util") && is_banned("actix-rt"));
    assert!(!is_banned("timeout") && !is_banned("bytes"));
}

#[test]
fn every_dependency_has_a_line_with_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is text");
    let page = fs::read_to_string(root().join("docs/dependencies.md")).expect("the page is text");
    let named: Vec<_> = manifest
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with("edgebind-"))
        .collect();
    assert!(named.contains(&"actix-web"), "the list is found: {named:?}");
    let lines: Vec<_> =
        page.lines().filter_map(|line| line.strip_prefix("| ")?.split([' ', '|']).next()).collect();
    let missing: Vec<_> = named.iter().filter(|name| !lines.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/dependencies.md has no line for {missing:?}");
}

/// The resolved dependencies of the workspace on this platform.
struct Graph {
    /// Package id to name.
    names: BTreeMap<String, String>,
    /// Package id to the ids of its normal dependencies.
    edges: BTreeMap<String, BTreeSet<String>>,
    /// Ids of the workspace's own packages.
    members: BTreeSet<String>,
}

impl Graph {
    fn read() -> Self {
        // Other platforms' crates are left out: a plain build has not downloaded them.
        let version = cargo(&["-vV"]);
        let host =
            version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host");
        let text = cargo(&["metadata", "--format-version=1", "--locked", "--filter-platform", host]);
        let metadata: Value = serde_json::from_str(&text).expect("cargo metadata prints JSON");
        let names = list(&metadata, "/packages")
            .map(|package| (text_of(package, "id"), text_of(package, "name")))
            .collect();
        let edges = list(&metadata, "/resolve/nodes")
            .map(|node| {
                let uses = list(node, "/deps")
                    .filter(|dependency| list(dependency, "/dep_kinds").any(|kind| kind["kind"].is_null()))
                    .map(|dependency| text_of(dependency, "pkg"))
                    .collect();
                (text_of(node, "id"), uses)
            })
            .collect();
        let members = list(&metadata, "/workspace_members")
            .map(|id| id.as_str().expect("an id is text").to_owned())
            .collect();
        Self { names, edges, members }
    }

    /// Our crates without the common prefix, with the crates of ours that they use.
    fn ours(&self) -> impl Iterator<Item = (&str, BTreeSet<String>)> {
        self.members.iter().map(|id| {
            let ours = self.edges.get(id).into_iter().flatten().filter(|id| self.members.contains(*id));
            (short(self.name(id)), ours.map(|id| short(self.name(id)).to_owned()).collect())
        })
    }

    fn uses(&self, name: &str) -> BTreeSet<String> {
        let edges = self.edges.get(self.id(name)).into_iter().flatten();
        edges.map(|id| self.name(id).to_owned()).collect()
    }

    fn below(&self, name: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![self.id(name).to_owned()];
        while let Some(id) = open.pop() {
            for next in self.edges.get(&id).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen.iter().map(|id| self.name(id).to_owned()).collect()
    }

    fn name(&self, id: &str) -> &str {
        self.names.get(id).map(String::as_str).expect("every id has a package")
    }

    fn id(&self, name: &str) -> &str {
        let found = self.members.iter().find(|id| self.name(id) == name);
        found.unwrap_or_else(|| panic!("{name} is a member of the workspace"))
    }
}

fn forbidden(crate_name: &str, uses: &BTreeSet<String>) -> Vec<String> {
    if FREE.contains(&crate_name) {
        return Vec::new();
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == crate_name) else {
        return vec![format!("{crate_name} stands nowhere in the picture")];
    };
    let wrong = uses.iter().filter(|name| !allowed.contains(&name.as_str()));
    wrong.map(|name| format!("{crate_name} -> {name}")).collect()
}

fn is_banned(name: &str) -> bool {
    NO_PROTOCOL
        .iter()
        .any(|banned| name == *banned || name.strip_prefix(banned).is_some_and(|rest| rest.starts_with('-')))
}

/// What a source must not have, comments aside.
fn calls_outside(text: &str) -> impl Iterator<Item = String> {
    // Tests stand last in a file, and may ask for some instant to count from.
    let program = text.lines().enumerate().take_while(|(_, line)| *line != "#[cfg(test)]");
    program.flat_map(|(index, line)| {
        let code = line.split("//").next().unwrap_or_default();
        NO_SOURCE
            .iter()
            .filter(move |banned| code.contains(*banned))
            .map(move |banned| format!("line {} has {banned}", index + 1))
    })
}

fn short(name: &str) -> &str {
    name.strip_prefix("edgebind-").unwrap_or(name)
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn cargo(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).expect("a list in the metadata").iter()
}

fn text_of(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).expect("a text in the metadata").to_owned()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
