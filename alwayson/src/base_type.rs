//! Base types and their codes on the wire (protocol notes, section 4.2).

use std::fmt;

macro_rules! base_types {
    ($($variant:ident = $code:literal, $name:literal;)*) => {
        /// Type of a value, a field or a property.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(i8)]
        #[expect(missing_docs, reason = "each variant is named as the protocol notes name it")]
        pub enum BaseType {
            $($variant = $code,)*
        }

        impl BaseType {
            /// Every base type, in the order of the codes.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The base type with this code, `None` if the code is unassigned.
            #[must_use]
            pub const fn from_code(code: i8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The base type of this name, compared without case.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|base_type| base_type.name().eq_ignore_ascii_case(name))
            }

            /// Name in upper case, as in JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

base_types! {
    Nothing = -1, "NOTHING";
    String = 0, "STRING";
    Number = 1, "NUMBER";
    Boolean = 2, "BOOLEAN";
    Datetime = 3, "DATETIME";
    Timespan = 4, "TIMESPAN";
    Infotable = 5, "INFOTABLE";
    Location = 6, "LOCATION";
    Xml = 7, "XML";
    Json = 8, "JSON";
    Query = 9, "QUERY";
    Image = 10, "IMAGE";
    Hyperlink = 11, "HYPERLINK";
    Imagelink = 12, "IMAGELINK";
    Password = 13, "PASSWORD";
    Html = 14, "HTML";
    Text = 15, "TEXT";
    Tags = 16, "TAGS";
    Schedule = 17, "SCHEDULE";
    Variant = 18, "VARIANT";
    Guid = 20, "GUID";
    Blob = 21, "BLOB";
    Integer = 22, "INTEGER";
    Long = 23, "LONG";
    PropertyName = 50, "PROPERTYNAME";
    ServiceName = 51, "SERVICENAME";
    EventName = 52, "EVENTNAME";
    ThingName = 100, "THINGNAME";
    ThingShapeName = 101, "THINGSHAPENAME";
    ThingTemplateName = 102, "THINGTEMPLATENAME";
    DataShapeName = 104, "DATASHAPENAME";
    MashupName = 105, "MASHUPNAME";
    MenuName = 106, "MENUNAME";
    BaseTypeName = 107, "BASETYPENAME";
    UserName = 108, "USERNAME";
    GroupName = 109, "GROUPNAME";
    CategoryName = 110, "CATEGORYNAME";
    StateDefinitionName = 111, "STATEDEFINITIONNAME";
    StyleDefinitionName = 112, "STYLEDEFINITIONNAME";
    ModelTagVocabularyName = 113, "MODELTAGVOCABULARYNAME";
    DataTagVocabularyName = 114, "DATATAGVOCABULARYNAME";
    NetworkName = 115, "NETWORKNAME";
    MediaEntityName = 116, "MEDIAENTITYNAME";
    ApplicationKeyName = 117, "APPLICATIONKEYNAME";
    LocalizationTableName = 118, "LOCALIZATIONTABLENAME";
    OrganizationName = 119, "ORGANIZATIONNAME";
    DashboardName = 120, "DASHBOARDNAME";
}

impl BaseType {
    /// Code on the wire, one signed byte.
    #[must_use]
    pub const fn code(self) -> i8 {
        self as i8
    }

    /// Whether values of this type are strings on the wire.
    ///
    /// SCHEDULE is taken for one of them: its encoding is open (section 17).
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(
            self,
            Self::Nothing
                | Self::Number
                | Self::Boolean
                | Self::Datetime
                | Self::Timespan
                | Self::Infotable
                | Self::Location
                | Self::Image
                | Self::Variant
                | Self::Blob
                | Self::Integer
                | Self::Long
        )
    }
}

impl fmt::Display for BaseType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
