//! What scripts learn of a file.

use std::{fs::File, io, io::Read as _, time::UNIX_EPOCH};

use md5::{Digest as _, Md5};
use mlua::{Lua, Result, Table, Value};

use super::place::Place;
use crate::{
    library::{arguments::text_of, utils::since_year_one},
    number,
};

/// Size, time and kind of one file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Info {
    size: String,
    last_modified: String,
    read_only: bool,
    pub(super) is_file: bool,
    pub(super) is_dir: bool,
    /// Empty unless asked for; absent in listings.
    md5: Option<String>,
}

impl Info {
    /// Looks at `place`, and through the whole file for its checksum.
    ///
    /// # Errors
    ///
    /// It is not there, or cannot be read.
    pub(super) fn read(place: &Place, with_md5: bool) -> io::Result<Self> {
        let mut info = Self::listed(place)?;
        info.md5 = Some(if with_md5 && info.is_file { md5_of(place)? } else { String::new() });
        Ok(info)
    }

    /// The same without a checksum, as listings have it.
    ///
    /// # Errors
    ///
    /// It is not there.
    pub(super) fn listed(place: &Place) -> io::Result<Self> {
        let found = place.metadata()?;
        let since_1970 = found.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Ok(Self {
            size: found.len().to_string(),
            // 14 digits, so `%.14g` keeps them all.
            last_modified: number::text(since_year_one(since_1970.unwrap_or_default())),
            read_only: found.permissions().readonly(),
            is_file: found.is_file(),
            is_dir: found.is_dir(),
            md5: None,
        })
    }

    pub(super) fn to_lua(&self, lua: &Lua) -> Result<Table> {
        let table = lua.create_table_with_capacity(0, 6)?;
        table.raw_set("size", self.size.as_str())?;
        table.raw_set("lastModified", self.last_modified.as_str())?;
        table.raw_set("readOnly", self.read_only)?;
        table.raw_set("isFile", self.is_file)?;
        table.raw_set("isDir", self.is_dir)?;
        if let Some(md5) = &self.md5 {
            table.raw_set("md5", md5.as_str())?;
        }
        Ok(table)
    }
}

/// What a script remembers of a file, to be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remembered {
    size: Option<Vec<u8>>,
    last_modified: Option<Vec<u8>>,
    /// Only if it was asked for.
    md5: Option<Vec<u8>>,
}

impl Remembered {
    /// Reads an info table; `None` for anything else.
    pub(super) fn of(value: &Value) -> Result<Option<Self>> {
        let Value::Table(table) = value else { return Ok(None) };
        let text = |name: &str| Ok::<_, mlua::Error>(text_of(&table.raw_get(name)?));
        Ok(Some(Self {
            size: text("size")?,
            last_modified: text("lastModified")?,
            md5: text("md5")?.filter(|sum| !sum.is_empty()),
        }))
    }

    /// Whether it takes a checksum to compare.
    pub(super) const fn has_md5(&self) -> bool {
        self.md5.is_some()
    }

    pub(super) fn is(&self, info: &Info) -> bool {
        let same = |text: &Option<Vec<u8>>, now: &str| text.as_deref() == Some(now.as_bytes());
        let same_sum = match (&self.md5, &info.md5) {
            (Some(then), Some(now)) => then == now.as_bytes(),
            _ => true,
        };
        same(&self.size, &info.size) && same(&self.last_modified, &info.last_modified) && same_sum
    }
}

/// The checksum of a file in hexadecimal digits.
///
/// # Errors
///
/// It is no file, or cannot be read. A pipe or a device might never end.
pub(super) fn md5_of(place: &Place) -> io::Result<String> {
    if !place.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut file = File::open(place.path())?;
    let mut sum = Md5::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        sum.update(buffer.get(..length).unwrap_or_default());
    }
}
