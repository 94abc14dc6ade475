//! `io`: the library of Lua 5.1 with the same names, results and errors, whose reads and writes hold up no other context.

use std::{
    fs,
    io::{self, SeekFrom},
    path::PathBuf,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use mlua::{AnyUserData, Function, IntoLua, Lua, MetaMethod, MultiValue, Table, Value, Variadic};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    super::{Arity, Finish, Natives, answer},
    shell::{Shell, os_string},
    stream::{Buffering, Format, Found, Kind, Stream},
};

pub(super) fn install(natives: &Natives<'_>, shell: &Rc<Shell>) -> mlua::Result<()> {
    let io = natives.table("io")?;
    methods(natives)?;
    openers(natives, &io, shell)?;
    standard(natives, &io)
}

/// A file as a script holds it. Contexts that use one file take turns.
#[derive(Clone)]
struct File(Arc<Mutex<Option<Stream>>>);

impl File {
    fn new(kind: Kind) -> Self {
        Self(Arc::new(Mutex::new(Some(Stream::new(kind)))))
    }

    /// The open stream, when it is this context's turn.
    async fn stream(self) -> Result<OwnedMutexGuard<Option<Stream>>, Trouble> {
        let guard = self.0.lock_owned().await;
        if guard.is_some() { Ok(guard) } else { Err(Trouble::Closed) }
    }

    /// Closed, as far as can be told without waiting.
    fn is_closed(&self) -> bool {
        self.0.try_lock().is_ok_and(|stream| stream.is_none())
    }
}

/// Why nothing was read or written.
enum Trouble {
    /// An error of the script.
    Closed,
    /// A result: nil, text, number.
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// `true`, or what went wrong.
fn concluded(result: Result<(), Trouble>) -> Finish {
    Natives::finish(move |lua| match result {
        Ok(()) => Ok(MultiValue::from_iter([Value::Boolean(true)])),
        Err(trouble) => refused(lua, trouble, None),
    })
}

/// nil, text and number of the error; a closed file is an error of the script.
fn refused(lua: &Lua, trouble: Trouble, name: Option<&str>) -> mlua::Result<MultiValue> {
    let error = match trouble {
        Trouble::Closed => return Err(mlua::Error::runtime(CLOSED)),
        Trouble::Io(error) => error,
    };
    let text = match name {
        Some(name) => format!("{name}: {}", plain(&error)),
        None => plain(&error),
    };
    let number = error.raw_os_error().unwrap_or(0);
    Ok(MultiValue::from_iter([Value::Nil, text.into_lua(lua)?, number.into_lua(lua)?]))
}

/// As C's strerror says it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

fn methods(natives: &Natives<'_>) -> mlua::Result<()> {
    let lua = natives.lua();
    let index = lua.create_table()?;
    let read =
        natives.blocking(Arity::at_least(1), |_, (file, formats): (AnyUserData, Variadic<Value>)| {
            Ok(read(opened(&file)?, parse_formats(&formats)?))
        })?;
    index.raw_set("read", read)?;
    let write = natives
        .blocking(Arity::at_least(1), |_, (file, texts): (AnyUserData, Variadic<Value>)| {
            Ok(write(opened(&file)?, joined(&texts)?))
        })?;
    index.raw_set("write", write)?;
    let flush = natives.blocking(Arity::exactly(1), |_, file: AnyUserData| Ok(flush(opened(&file)?)))?;
    index.raw_set("flush", flush)?;
    let close = natives.blocking(Arity::exactly(1), |_, file: AnyUserData| Ok(close(opened(&file)?)))?;
    index.raw_set("close", close)?;
    let lines = natives.plain(Arity::exactly(1), |lua, file: AnyUserData| {
        lines(&Natives::new(lua), opened(&file)?, false)
    })?;
    index.raw_set("lines", lines)?;
    type Seek = (AnyUserData, Option<String>, Option<f64>);
    let seek = natives.blocking(Arity::between(1, 3), |_, (file, whence, offset): Seek| {
        let to = place(whence.as_deref().unwrap_or("cur"), offset.unwrap_or(0.0))?;
        Ok(seek(opened(&file)?, to))
    })?;
    index.raw_set("seek", seek)?;
    let setvbuf =
        natives.blocking(Arity::between(2, 3), |_, (file, mode, _): (AnyUserData, String, Value)| {
            let buffering = match mode.as_str() {
                "no" => Buffering::No,
                "line" => Buffering::Line,
                "full" => Buffering::Full,
                other => {
                    return Err(mlua::Error::runtime(format!(
                        "bad argument #1 to 'setvbuf' (invalid option '{other}')"
                    )));
                }
            };
            let file = opened(&file)?;
            Ok(async move {
                concluded(
                    file.stream()
                        .await
                        .map(|mut guard| guard.iter_mut().for_each(|stream| stream.buffer(buffering))),
                )
            })
        })?;
    index.raw_set("setvbuf", setvbuf)?;
    let shown = natives.plain(Arity::at_least(1), |_, file: AnyUserData| {
        let address = file.to_pointer();
        Ok(if opened(&file)?.is_closed() {
            "file (closed)".to_owned()
        } else {
            format!("file ({address:p})")
        })
    })?;
    lua.register_userdata_type::<File>(move |registry| {
        use mlua::UserDataRegistry;
        fn set(registry: &mut UserDataRegistry<File>, name: MetaMethod, value: impl IntoLua + 'static) {
            mlua::UserDataFields::add_meta_field(registry, name, value);
        }
        set(registry, MetaMethod::Index, index);
        set(registry, MetaMethod::ToString, shown);
    })
}

fn openers(natives: &Natives<'_>, io: &Table, shell: &Rc<Shell>) -> mlua::Result<()> {
    let open =
        natives.blocking(Arity::between(1, 2), |_, (name, mode): (mlua::LuaString, Option<String>)| {
            let name = name.as_bytes().to_vec();
            Ok(async move {
                let opened = opened_file(&name, mode.as_deref().unwrap_or("r")).await;
                Natives::finish(move |lua| match opened {
                    Ok(file) => Ok(MultiValue::from_iter([userdata(lua, file)?])),
                    Err(error) => refused(lua, error.into(), Some(&String::from_utf8_lossy(&name))),
                })
            })
        })?;
    io.raw_set("open", open)?;
    let shell = Rc::clone(shell);
    let popen = natives.blocking(
        Arity::between(1, 2),
        move |_, (command, mode): (mlua::LuaString, Option<String>)| {
            let write = match mode.as_deref().unwrap_or("r") {
                "r" => false,
                "w" => true,
                other => {
                    return Err(mlua::Error::runtime(format!(
                        "bad argument #2 to 'popen' (invalid mode '{other}')"
                    )));
                }
            };
            let command = command.as_bytes().to_vec();
            let process = shell.open(&command, write);
            Ok(async move {
                Natives::finish(move |lua| match process {
                    Ok(kind) => Ok(MultiValue::from_iter([userdata(lua, File::new(kind))?])),
                    Err(error) => refused(lua, error.into(), Some(&String::from_utf8_lossy(&command))),
                })
            })
        },
    )?;
    io.raw_set("popen", popen)?;
    let tmpfile = natives.plain(Arity::exactly(0), |lua, ()| match temporary() {
        Ok(file) => Ok(MultiValue::from_iter([userdata(lua, File::new(Kind::File(Arc::new(file))))?])),
        Err(error) => refused(lua, error.into(), None),
    })?;
    io.raw_set("tmpfile", tmpfile)?;
    let kind = natives.plain(Arity::at_least(1), |_, value: Value| {
        let Value::UserData(value) = value else { return Ok(None) };
        let Ok(file) = value.borrow::<File>() else { return Ok(None) };
        Ok(Some(if file.is_closed() { "closed file" } else { "file" }))
    })?;
    io.raw_set("type", kind)
}

/// Standard streams, and the functions that work on the present ones.
fn standard(natives: &Natives<'_>, io: &Table) -> mlua::Result<()> {
    let lua = natives.lua();
    for (name, kind) in
        [("stdin", Kind::StandardInput), ("stdout", Kind::StandardOutput), ("stderr", Kind::StandardError)]
    {
        io.raw_set(name, userdata(lua, File::new(kind))?)?;
    }
    lua.set_named_registry_value(INPUT, io.raw_get::<Value>("stdin")?)?;
    lua.set_named_registry_value(OUTPUT, io.raw_get::<Value>("stdout")?)?;
    let read = natives.blocking(Arity::at_least(0), |lua, formats: Variadic<Value>| {
        Ok(read(present(lua, INPUT)?, parse_formats(&formats)?))
    })?;
    io.raw_set("read", read)?;
    let write = natives.blocking(Arity::at_least(0), |lua, texts: Variadic<Value>| {
        Ok(write(present(lua, OUTPUT)?, joined(&texts)?))
    })?;
    io.raw_set("write", write)?;
    let flush = natives.blocking(Arity::exactly(0), |lua, ()| Ok(flush(present(lua, OUTPUT)?)))?;
    io.raw_set("flush", flush)?;
    let close = natives.blocking(Arity::between(0, 1), |lua, file: Option<AnyUserData>| {
        let file = file.map_or_else(|| present(lua, OUTPUT), |file| opened(&file))?;
        Ok(close(file))
    })?;
    io.raw_set("close", close)?;
    for (name, key, mode) in [("input", INPUT, "r"), ("output", OUTPUT, "w")] {
        let choose = natives.blocking(Arity::between(0, 1), move |_, choice: Value| {
            let name = answer::text(&choice);
            Ok(async move {
                let opened = match &name {
                    Some(name) => Some(opened_file(name, mode).await),
                    None => None,
                };
                Natives::finish(move |lua| {
                    let file = match opened {
                        None if choice.is_nil() => return lua.named_registry_value::<Value>(key),
                        None => choice,
                        Some(Ok(file)) => userdata(lua, file)?,
                        Some(Err(error)) => {
                            let name =
                                String::from_utf8_lossy(name.as_deref().unwrap_or_default()).into_owned();
                            return Err(mlua::Error::runtime(format!("{name}: {}", plain(&error))));
                        }
                    };
                    lua.set_named_registry_value(key, &file)?;
                    Ok(file)
                })
            })
        })?;
        io.raw_set(name, choose)?;
    }
    let lines = natives.blocking(Arity::between(0, 1), |lua, name: Option<mlua::LuaString>| {
        let input = present(lua, INPUT)?;
        let name = name.map(|name| name.as_bytes().to_vec());
        Ok(async move {
            let opened = match &name {
                Some(name) => opened_file(name, "r").await,
                None => Ok(input),
            };
            Natives::finish(move |lua| match opened {
                Ok(file) => lines(&Natives::new(lua), file, name.is_some()),
                Err(error) => {
                    let name = String::from_utf8_lossy(name.as_deref().unwrap_or_default()).into_owned();
                    Err(mlua::Error::runtime(format!("{name}: {}", plain(&error))))
                }
            })
        })
    })?;
    io.raw_set("lines", lines)
}

/// Results until the first that finds nothing.
async fn read(file: File, formats: Vec<Format>) -> Finish {
    let result: Result<Vec<Found>, Trouble> = async {
        let mut guard = file.stream().await?;
        let stream = guard.as_mut().ok_or(Trouble::Closed)?;
        let mut all = Vec::new();
        for format in formats {
            let found = stream.read(format).await?;
            let nothing = found == Found::Nothing;
            all.push(found);
            if nothing {
                break;
            }
        }
        Ok(all)
    }
    .await;
    Natives::finish(move |lua| match result {
        Ok(all) => all.into_iter().map(|found| value(lua, found)).collect::<mlua::Result<MultiValue>>(),
        Err(trouble) => refused(lua, trouble, None),
    })
}

fn value(lua: &Lua, found: Found) -> mlua::Result<Value> {
    Ok(match found {
        Found::Text(text) => Value::String(lua.create_string(text)?),
        Found::Number(number) => Value::Number(number),
        Found::Nothing => Value::Nil,
    })
}

async fn write(file: File, bytes: Vec<u8>) -> Finish {
    let result = async {
        let mut guard = file.stream().await?;
        Ok(guard.as_mut().ok_or(Trouble::Closed)?.write(&bytes).await?)
    };
    concluded(result.await)
}

async fn flush(file: File) -> Finish {
    let result = async {
        let mut guard = file.stream().await?;
        Ok(guard.as_mut().ok_or(Trouble::Closed)?.flush().await?)
    };
    concluded(result.await)
}

async fn close(file: File) -> Finish {
    let result = async {
        let stream = file.stream().await?.take().ok_or(Trouble::Closed)?;
        Ok(stream.close().await?)
    };
    concluded(result.await)
}

async fn seek(file: File, to: SeekFrom) -> Finish {
    let result: Result<u64, Trouble> = async {
        let mut guard = file.stream().await?;
        Ok(guard.as_mut().ok_or(Trouble::Closed)?.seek(to).await?)
    }
    .await;
    Natives::finish(move |lua| match result {
        Ok(position) => Ok(MultiValue::from_iter([position.into_lua(lua)?])),
        Err(trouble) => refused(lua, trouble, None),
    })
}

/// An iterator over the lines; one that opened the file closes it at the end.
fn lines(natives: &Natives<'_>, file: File, close: bool) -> mlua::Result<Function> {
    natives.blocking(Arity::at_least(0), move |_, _: MultiValue| {
        let file = file.clone();
        Ok(async move {
            let result: Result<Found, Trouble> = async {
                let mut guard = file.stream().await?;
                let line = guard.as_mut().ok_or(Trouble::Closed)?.read(Format::Line).await?;
                if close && line == Found::Nothing {
                    *guard = None;
                }
                Ok(line)
            }
            .await;
            Natives::finish(move |lua| match result {
                Ok(line) => value(lua, line),
                Err(Trouble::Closed) => Err(mlua::Error::runtime("file is already closed")),
                Err(Trouble::Io(error)) => Err(mlua::Error::runtime(plain(&error))),
            })
        })
    })
}

async fn opened_file(name: &[u8], mode: &str) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    let update = mode.contains('+');
    match mode.bytes().next() {
        Some(b'w') => options.write(true).create(true).truncate(true).read(update),
        Some(b'a') => options.append(true).create(true).read(update),
        Some(b'r') => options.read(true).write(update),
        // As fopen: EINVAL.
        _ => return Err(io::Error::from_raw_os_error(22)),
    };
    let path = PathBuf::from(os_string(name));
    // A pipe with a name has no end to wait for: opening it may block.
    let opened = tokio::task::spawn_blocking(move || options.open(path)).await;
    Ok(File::new(Kind::File(Arc::new(opened.map_err(io::Error::other)??))))
}

/// A file without a name.
fn temporary() -> io::Result<fs::File> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("lua_{}_{number}", std::process::id()));
    let file = fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

fn userdata(lua: &Lua, file: File) -> mlua::Result<Value> {
    Ok(Value::UserData(lua.create_any_userdata(file)?))
}

fn opened(file: &AnyUserData) -> mlua::Result<File> {
    let file = file.borrow::<File>().map_err(|_| mlua::Error::runtime("bad argument #1 (FILE* expected)"))?;
    Ok(file.clone())
}

/// The present standard input or output.
fn present(lua: &Lua, key: &str) -> mlua::Result<File> {
    opened(&lua.named_registry_value::<AnyUserData>(key)?)
}

fn parse_formats(formats: &[Value]) -> mlua::Result<Vec<Format>> {
    if formats.is_empty() {
        return Ok(vec![Format::Line]);
    }
    let format = |(index, value): (usize, &Value)| {
        let count = match value {
            Value::Integer(count) => Some(usize::try_from(*count).unwrap_or(0)),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
            Value::Number(count) => Some(count.clamp(0.0, MAX_BYTES) as usize),
            _ => None,
        };
        if let Some(count) = count {
            return Ok(Format::Bytes(count));
        }
        let text = answer::text(value).unwrap_or_default();
        match text.get(..2) {
            Some(b"*l") => Ok(Format::Line),
            Some(b"*a") => Ok(Format::All),
            Some(b"*n") => Ok(Format::Number),
            _ => Err(mlua::Error::runtime(format!("bad argument #{} to 'read' (invalid format)", index + 1))),
        }
    };
    formats.iter().enumerate().map(format).collect()
}

/// Texts and numbers, one behind the other.
fn joined(texts: &[Value]) -> mlua::Result<Vec<u8>> {
    let mut all = Vec::new();
    for (index, value) in texts.iter().enumerate() {
        let kind =
            || format!("bad argument #{} to 'write' (string expected, got {})", index + 1, value.type_name());
        all.extend(answer::text(value).ok_or_else(|| mlua::Error::runtime(kind()))?);
    }
    Ok(all)
}

fn place(whence: &str, offset: f64) -> mlua::Result<SeekFrom> {
    #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
    let offset = offset as i64;
    match whence {
        "set" => Ok(SeekFrom::Start(u64::try_from(offset).unwrap_or(0))),
        "cur" => Ok(SeekFrom::Current(offset)),
        "end" => Ok(SeekFrom::End(offset)),
        other => Err(mlua::Error::runtime(format!("bad argument #1 to 'seek' (invalid option '{other}')"))),
    }
}

const CLOSED: &str = "attempt to use a closed file";
const INPUT: &str = "edgebind.input";
const OUTPUT: &str = "edgebind.output";
const MAX_BYTES: f64 = 1e9;
