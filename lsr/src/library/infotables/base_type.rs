//! The base types that the original knows.

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BaseType {
    name: &'static str,
    kind: Kind,
}

/// How cells of a type are converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Integer,
    Boolean,
    Datetime,
    Text,
    Location,
    /// JSON and QUERY.
    Table,
    Variant,
    InfoTable,
    /// No value fits.
    Never,
}

impl BaseType {
    /// The type called `name`; what the original does not know is NOTHING.
    pub(super) fn parse(name: &[u8]) -> Self {
        KNOWN.iter().find(|known| known.name.as_bytes() == name).copied().unwrap_or(NOTHING)
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        self.name
    }

    pub(super) const fn kind(self) -> Kind {
        self.kind
    }
}

const fn base_type(name: &'static str, kind: Kind) -> BaseType {
    BaseType { name, kind }
}

const NOTHING: BaseType = base_type("NOTHING", Kind::Never);

/// Without LONG, VEC2, VEC3, VEC4, THINGCODE and THEMENAME, which are NOTHING in the original (3.12).
const KNOWN: [BaseType; 38] = [
    base_type("STRING", Kind::Text),
    base_type("NUMBER", Kind::Number),
    base_type("INTEGER", Kind::Integer),
    base_type("BOOLEAN", Kind::Boolean),
    base_type("DATETIME", Kind::Datetime),
    base_type("LOCATION", Kind::Location),
    base_type("INFOTABLE", Kind::InfoTable),
    base_type("JSON", Kind::Table),
    base_type("QUERY", Kind::Table),
    base_type("VARIANT", Kind::Variant),
    base_type("TEXT", Kind::Text),
    base_type("HTML", Kind::Text),
    base_type("XML", Kind::Text),
    base_type("HYPERLINK", Kind::Text),
    base_type("IMAGELINK", Kind::Text),
    base_type("IMAGE", Kind::Text),
    base_type("BLOB", Kind::Text),
    base_type("GUID", Kind::Text),
    base_type("PASSWORD", Kind::Text),
    base_type("TAGS", Kind::Text),
    base_type("PROPERTYNAME", Kind::Text),
    base_type("SERVICENAME", Kind::Text),
    base_type("EVENTNAME", Kind::Text),
    base_type("THINGNAME", Kind::Text),
    base_type("THINGSHAPENAME", Kind::Text),
    base_type("THINGTEMPLATENAME", Kind::Text),
    base_type("DATASHAPENAME", Kind::Text),
    base_type("MASHUPNAME", Kind::Text),
    base_type("MENUNAME", Kind::Text),
    base_type("BASETYPENAME", Kind::Text),
    base_type("USERNAME", Kind::Text),
    base_type("GROUPNAME", Kind::Text),
    base_type("CATEGORYNAME", Kind::Text),
    base_type("STATEDEFINITIONNAME", Kind::Text),
    base_type("STYLEDEFINITIONNAME", Kind::Text),
    base_type("SCHEDULE", Kind::Never),
    base_type("TIMESPAN", Kind::Never),
    NOTHING,
];
