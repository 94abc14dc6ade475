//! An entry of `ws_servers`.

use serde::Deserialize;

/// Address of a platform (EMS notes, 3.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Server {
    /// Name or address; required.
    pub host: String,
    /// TCP port, 1 to 65535. When the entry has none it is 443 with `ssl` and 80 without, said with a warning. The
    /// original dials a wrong port above 32767; we do not.
    pub port: u16,
}
