//! Names that a certificate must carry (`validation_criteria`; notes on files and tunnels, 6.2).

use crate::facts::{Facts, Party};

/// Names that must stand in the certificate, exactly; an empty or absent one is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Criteria {
    /// `Cert_Common_Name`.
    pub common_name: Option<String>,
    /// `Cert_Organization`.
    pub organization: Option<String>,
    /// `Cert_Organizational_Name`: the unit.
    pub unit: Option<String>,
    /// `CA_Cert_Common_Name`, of the signer.
    pub issuer_common_name: Option<String>,
    /// `CA_Cert_Organization`.
    pub issuer_organization: Option<String>,
    /// `CA_Cert_Organizational_Name`.
    pub issuer_unit: Option<String>,
}

/// A criterion that a certificate does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unmet {
    pub(crate) criterion: &'static str,
    pub(crate) wanted: String,
    pub(crate) found: Vec<String>,
}

impl Criteria {
    /// The first criterion that `facts` do not meet; of several values one must be the wanted.
    pub(crate) fn unmet(&self, facts: &Facts) -> Option<Unmet> {
        let Party { common_names, organizations, units, .. } = &facts.subject;
        let issuer = &facts.issuer;
        [
            ("Cert_Common_Name", &self.common_name, common_names),
            ("Cert_Organization", &self.organization, organizations),
            ("Cert_Organizational_Name", &self.unit, units),
            ("CA_Cert_Common_Name", &self.issuer_common_name, &issuer.common_names),
            ("CA_Cert_Organization", &self.issuer_organization, &issuer.organizations),
            ("CA_Cert_Organizational_Name", &self.issuer_unit, &issuer.units),
        ]
        .into_iter()
        .find_map(|(criterion, wanted, found)| {
            let wanted = wanted.as_ref().filter(|wanted| !wanted.is_empty())?;
            let unmet = || Unmet { criterion, wanted: wanted.clone(), found: found.clone() };
            (!found.contains(wanted)).then(unmet)
        })
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fingerprint;

    fn facts(common_names: &[&str]) -> Facts {
        let subject = Party {
            common_names: common_names.iter().map(|&name| name.to_owned()).collect(),
            ..Party::default()
        };
        Facts {
            subject,
            issuer: Party::default(),
            names: Vec::new(),
            not_before_s: 0,
            not_after_s: 1,
            fingerprint: Fingerprint::of(b""),
        }
    }

    fn common_name(wanted: &str) -> Criteria {
        Criteria { common_name: Some(wanted.to_owned()), ..Criteria::default() }
    }

    #[test]
    fn one_of_several_values_is_enough_and_must_be_exact() {
        let two = facts(&["a", "plat.example"]);
        assert_eq!(common_name("plat.example").unmet(&two), None);
        assert_eq!(common_name("Plat.example").unmet(&two).unwrap().found, ["a", "plat.example"]);
        assert!(common_name("plat.example").unmet(&facts(&["plat.example\0.evil"])).is_some());
    }

    #[test]
    fn an_empty_criterion_is_not_asked_for() {
        assert_eq!(common_name("").unmet(&facts(&[])), None);
        assert_eq!(Criteria::default().unmet(&facts(&["x"])), None);
    }

    #[test]
    fn the_signer_is_asked_for_by_itself() {
        let criteria = Criteria { issuer_unit: Some("IT".to_owned()), ..Criteria::default() };
        assert_eq!(criteria.unmet(&facts(&["IT"])).unwrap().criterion, "CA_Cert_Organizational_Name");
    }
}
