//! TLS of the requests that scripts make: towards the gateway as the `rap_` settings say, towards anybody else with the
//! system's trust store (script resource notes, 1.4, 3.6 and 3.7).

use std::sync::OnceLock;

use edgebind_tls::{Authorities, Client, ClientError, ClientSettings, SettingNames, Trust};

/// Made when they are first needed, and kept: many script resources never speak TLS, and a trust store takes memory.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    gateway: OnceLock<Client>,
    others: OnceLock<Client>,
}

impl Outgoing {
    /// Towards the gateway; `setting` answers global settings that are not empty.
    ///
    /// # Errors
    ///
    /// What `rap_cert_file` names, or the trust store, cannot be used. The next call tries again.
    pub(crate) fn towards_gateway(
        &self,
        setting: impl Fn(&str) -> Option<String>,
    ) -> Result<Client, ClientError> {
        kept(&self.gateway, || gateway_trust(setting))
    }

    /// Towards whomever a script names.
    ///
    /// # Errors
    ///
    /// The trust store cannot be used. The next call tries again.
    pub(crate) fn towards_others(&self) -> Result<Client, ClientError> {
        kept(&self.others, || Trust::strict(Authorities::System, &SettingNames::NONE))
    }
}

/// Whether a setting that is on by default is on.
pub(crate) fn is_on(value: Option<String>) -> bool {
    value.is_none_or(|value| !value.trim().eq_ignore_ascii_case("false"))
}

fn kept(place: &OnceLock<Client>, trust: impl FnOnce() -> Trust) -> Result<Client, ClientError> {
    if let Some(client) = place.get() {
        return Ok(client.clone());
    }
    let client = Client::new(ClientSettings { trust: trust(), identity: None, cipher_list: None })?;
    Ok(place.get_or_init(|| client).clone())
}

fn gateway_trust(setting: impl Fn(&str) -> Option<String>) -> Trust {
    let authorities = match setting("rap_cert_file") {
        Some(file) => Authorities::Files(vec![file.into()]),
        None => Authorities::System,
    };
    Trust {
        validate: is_on(setting("rap_validate")),
        allow_self_signed: !is_on(setting("rap_deny_selfsigned")),
        ..Trust::strict(authorities, &GATEWAY_KEYS)
    }
}

const GATEWAY_KEYS: SettingNames = SettingNames {
    validate: "scripts.rap_validate",
    authorities: "scripts.rap_cert_file",
    self_signed: "scripts.rap_deny_selfsigned",
    ..SettingNames::NONE
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_of_the_gateway_is_checked_unless_a_setting_says_otherwise() {
        let trust = |settings: &'static [(&str, &str)]| {
            gateway_trust(move |key| {
                settings.iter().find(|(known, _)| *known == key).map(|(_, value)| (*value).to_owned())
            })
        };
        let default = trust(&[]);
        assert_eq!(
            (default.validate, default.allow_self_signed, default.authorities),
            (true, false, Authorities::System)
        );
        let open = trust(&[
            ("rap_validate", "false"),
            ("rap_deny_selfsigned", "FALSE"),
            ("rap_cert_file", "ca.pem"),
        ]);
        let file = Authorities::Files(vec!["ca.pem".into()]);
        assert_eq!((open.validate, open.allow_self_signed, open.authorities), (false, true, file));
    }

    #[test]
    fn a_file_that_is_not_there_is_named_and_looked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let outgoing = Outgoing::default();
        let setting = |key: &str| (key == "rap_cert_file").then(|| file.display().to_string());
        for _ in 0..2 {
            let error = outgoing.towards_gateway(setting).unwrap_err().to_string();
            assert!(error.contains(&file.display().to_string()), "{error}");
        }
    }
}
