//! Texts as `%q` of Lua 5.1 writes them.

/// Adds `text` so that Lua reads it back.
pub(super) fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' | b'\n' => out.extend_from_slice(&[b'\\', byte]),
            b'\r' => out.extend_from_slice(b"\\r"),
            0 => out.extend_from_slice(b"\\000"),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_written_as_lua_writes_it() {
        let lua = mlua::Lua::new();
        let every_byte: Vec<u8> = (0..=255).collect();
        for text in [b"".to_vec(), b"a\"b\\c\nd\re\x00f".to_vec(), every_byte] {
            let mut out = Vec::new();
            quoted(&mut out, &text);
            let expected: mlua::LuaString = lua
                .load("return string.format('%q', (...))")
                .call(lua.create_string(&text).expect("memory"))
                .expect("a text");
            assert_eq!(out, expected.as_bytes().to_vec());
        }
    }
}
