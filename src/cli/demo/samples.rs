//! The things of the demo: the templates of `examples/lua`, which are part of the program, in a folder of their own for
//! as long as the demo runs, and what the platform is told of them.

use std::{
    fs::{self, DirBuilder},
    io,
    path::{Path, PathBuf},
};

use edgebind_lsr::{Configuration, ResourceSettings};
use edgebind_platform::model::Model;
use serde_json::{Value, json};

use super::{GATEWAY, made_up_key};

/// The folder with a `config.lua` and the templates; removed when this is dropped.
pub(super) struct Samples {
    folder: PathBuf,
    names: Vec<String>,
}

impl Samples {
    /// Writes the files for `count` things.
    ///
    /// # Errors
    ///
    /// The folder for temporary files cannot be written.
    pub(super) fn new(count: u16) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("edgebind-demo-{}", made_up_key()));
        let names = (1..=count).map(name).collect();
        let samples = Self { folder, names };
        let written = samples.write_templates();
        written.map(|()| samples).map_err(|error| format!("no folder for the things: {error}"))
    }

    /// The names of the things.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Where the templates can be looked at.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the script resource is started with, for a gateway at `gateway_port` and a port of its own.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(super) fn configuration(
        &self,
        gateway_port: u16,
        port: u16,
    ) -> Result<(Configuration, ResourceSettings), String> {
        let path = self.folder.join("config.lua");
        fs::write(&path, config(&self.folder, &self.names, gateway_port, port))
            .map_err(|error| error.to_string())?;
        let configuration = Configuration::load(&path).map_err(|error| error.to_string())?;
        let settings = ResourceSettings::read(&configuration.globals).map_err(|error| error.to_string())?;
        Ok((configuration, settings))
    }

    /// What the platform knows: the gateway's thing, and the things with their properties and services.
    ///
    /// # Errors
    ///
    /// A defect of `examples/lua/model.json`.
    pub(super) fn model(&self) -> Result<Model, String> {
        let text = include_str!("../../../examples/lua/model.json");
        let samples: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let known = samples.get("things").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut things =
            vec![json!({ "name": GATEWAY, "template": "EMSGateway", "description": "The gateway itself" })];
        for name in &self.names {
            let kind = kind(name);
            let sample = known.iter().find(|thing| thing.get("name").and_then(Value::as_str) == Some(kind));
            let mut thing = sample.cloned().unwrap_or_default();
            if let Some(members) = thing.as_object_mut() {
                members.insert("name".to_owned(), json!(name));
            }
            things.push(thing);
        }
        Model::parse(&json!({ "things": things }).to_string()).map_err(|error| error.to_string())
    }

    fn write_templates(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder)?;
        let templates = self.folder.join("custom/templates");
        fs::create_dir_all(&templates)?;
        for (kind, text) in KINDS {
            fs::write(templates.join(format!("{}.lua", kind.to_lowercase())), text)?;
        }
        Ok(())
    }
}

impl Drop for Samples {
    fn drop(&mut self) {
        // Temporary files are cleared away by the system at last.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// `Sensor-0001`, `Machine-0002`, `Notebook-0003`, `Sensor-0004` and so on.
fn name(number: u16) -> String {
    let place = usize::from(number - 1) % KINDS.len();
    let kind = KINDS.get(place).map_or("", |(kind, _)| kind);
    format!("{kind}-{number:04}")
}

fn kind(name: &str) -> &str {
    name.split_once('-').map_or(name, |(kind, _)| kind)
}

/// The text of `config.lua`, as somebody would write it by hand.
fn config(folder: &Path, names: &[String], gateway_port: u16, port: u16) -> String {
    let mut text = format!(
        "scripts.log_level = \"WARN\"\n\
         scripts.rap_host, scripts.rap_port = \"127.0.0.1\", {gateway_port}\n\
         scripts.rap_ssl, scripts.rap_server_authenticate = false, false\n\
         scripts.script_resource_host, scripts.script_resource_port = \"127.0.0.1\", {port}\n\
         scripts.script_resource_ssl, scripts.script_resource_authenticate = false, false\n\n"
    );
    for name in names {
        let template = kind(name).to_lowercase();
        let notes = folder.join(format!("{name}.txt"));
        text.push_str(&format!(
            "scripts[{name:?}] = {{ file = \"thing.lua\", template = {template:?}, scanRate = 900, taskRate = 1000, notes = {notes:?} }}\n"
        ));
    }
    text
}

/// The sample templates by the kind of their things.
const KINDS: &[(&str, &str)] = &[
    ("Sensor", include_str!("../../../examples/lua/custom/templates/sensor.lua")),
    ("Machine", include_str!("../../../examples/lua/custom/templates/machine.lua")),
    ("Notebook", include_str!("../../../examples/lua/custom/templates/notebook.lua")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_knows_every_thing_with_its_properties() {
        let samples = Samples::new(4).unwrap();
        assert_eq!(samples.names(), ["Sensor-0001", "Machine-0002", "Notebook-0003", "Sensor-0004"]);
        samples.model().unwrap();
    }

    #[test]
    fn the_configuration_starts_a_script_for_each_thing_and_is_gone_afterwards() {
        let samples = Samples::new(3).unwrap();
        let folder = samples.folder().to_owned();
        let (configuration, settings) = samples.configuration(8000, 8001).unwrap();
        let names: Vec<&str> = configuration.scripts.iter().map(|script| script.name.as_str()).collect();
        assert_eq!(names, ["Machine-0002", "Notebook-0003", "Sensor-0001"]);
        assert_eq!(settings.port, 8001);
        assert!(folder.join("custom/templates/sensor.lua").exists());
        drop(samples);
        assert!(!folder.exists());
    }
}
