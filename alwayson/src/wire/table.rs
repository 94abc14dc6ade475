//! Infotables (protocol notes, section 4.4).

use super::error::{DecodeError, DecodeReason, EncodeError};
use super::reader::Reader;
use super::value::{read_base_type, read_typed, write_base_type, write_typed};
use super::writer::Writer;
use crate::{Aspect, Field, InfoTable, Row};

/// Reads a table: fields, then rows, each list ended by a 0.
pub(crate) fn read_table(reader: &mut Reader<'_>) -> Result<InfoTable, DecodeError> {
    reader.enter()?;
    let mut table = InfoTable::default();
    while reader.marker()? {
        table.fields.push(read_field(reader)?);
    }
    while reader.marker()? {
        table.rows.extend(read_row(reader, table.fields.len())?);
    }
    reader.leave();
    Ok(table)
}

/// Writes a table.
pub(crate) fn write_table(writer: &mut Writer<'_>, table: &InfoTable) -> Result<(), EncodeError> {
    writer.enter()?;
    for field in &table.fields {
        writer.u8(1);
        write_field(writer, field)?;
    }
    writer.u8(0);
    let fields = table.fields.len();
    for (index, row) in table.rows.iter().enumerate() {
        if row.len() != fields {
            return Err(EncodeError::Cells { row: index, cells: row.len(), fields });
        }
        writer.u8(1);
        writer.count_u16("cells of a row", row.len())?;
        for cell in row {
            write_typed(writer, cell)?;
        }
    }
    writer.u8(0);
    writer.leave();
    Ok(())
}

fn read_field(reader: &mut Reader<'_>) -> Result<Field, DecodeError> {
    let name = reader.string()?;
    let description = reader.string()?;
    let base_type = read_base_type(reader)?;
    let count = usize::from(reader.u16()?);
    let mut aspects = Vec::with_capacity(reader.room_for(count));
    for _ in 0..count {
        aspects.push(Aspect { name: reader.string()?, value: read_typed(reader)? });
    }
    Ok(Field { name, description, base_type, aspects })
}

fn write_field(writer: &mut Writer<'_>, field: &Field) -> Result<(), EncodeError> {
    writer.string(&field.name)?;
    writer.string(&field.description)?;
    write_base_type(writer, field.base_type);
    writer.count_u16("aspects of a field", field.aspects.len())?;
    for aspect in &field.aspects {
        writer.string(&aspect.name)?;
        write_typed(writer, &aspect.value)?;
    }
    Ok(())
}

/// Reads a row; `None` for one without cells in a table that has fields, which the original leaves out.
fn read_row(reader: &mut Reader<'_>, fields: usize) -> Result<Option<Row>, DecodeError> {
    let offset = reader.offset();
    let cells = usize::from(reader.u16()?);
    if cells == 0 && fields != 0 && fields & 0xFF != 0 {
        return Ok(None);
    }
    // The reference client always writes 0 as the high byte of the count (section 14.11).
    let lost_high_byte = matches!(fields, 0x100..=0xFFFF) && cells == fields & 0xFF;
    if cells != fields && !lost_high_byte {
        return Err(DecodeError::new(offset, DecodeReason::Cells { cells, fields }));
    }
    let mut row = Vec::with_capacity(reader.room_for(fields));
    for _ in 0..fields {
        row.push(read_typed(reader)?);
    }
    Ok(Some(row))
}
