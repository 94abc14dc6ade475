//! `edgebind wire`: AlwaysOn messages as people and programs can read them.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
    process::ExitCode,
};

use bytes::Bytes;
use clap::{Args as ClapArgs, Subcommand};
use edgebind_alwayson::{Limits, decode_with_trailing, notation};

/// Decodes and encodes AlwaysOn messages.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example: edgebind wire decode 010b0000000700000000000003e9000000010b537465616d53656e736f72"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Shows a message: one WebSocket message, or one chunk of a multipart message.
    Decode {
        /// The bytes in hexadecimal, a file that holds them (as text or raw), or - for standard input.
        #[arg(value_name = "HEX|FILE")]
        input: String,
        /// Prints JSON that `wire encode` understands; secrets in clear.
        #[arg(long)]
        json: bool,
    },
    /// Prints the bytes of a message in hexadecimal.
    Encode {
        /// JSON as `wire decode --json` prints it, a file that holds it, or - for standard input.
        #[arg(value_name = "JSON|FILE")]
        input: String,
    },
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> ExitCode {
    let result = match &args.action {
        Action::Decode { input, json } => decode(input, *json),
        Action::Encode { input } => encode(input),
    };
    match result {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("edgebind wire: {text}");
            ExitCode::FAILURE
        }
    }
}

fn decode(input: &str, json: bool) -> Result<String, String> {
    let message = bytes(input)?;
    if json {
        return notation::to_json(&message, &Limits::DEFAULT).map_err(|error| error.to_string());
    }
    let (incoming, trailing) =
        decode_with_trailing(&message, &Limits::DEFAULT).map_err(|error| error.to_string())?;
    Ok(notation::describe(&incoming, &trailing))
}

fn encode(input: &str) -> Result<String, String> {
    let text = if input.trim_start().starts_with('{') {
        input.to_owned()
    } else {
        String::from_utf8(contents(input)?).map_err(|_| format!("{input} is not text"))?
    };
    let bytes = notation::from_json(&text).map_err(|error| error.to_string())?;
    Ok(notation::to_hex(&bytes))
}

/// Bytes of a message from hexadecimal digits (blanks allowed), or from a file of digits or of the bytes themselves.
fn bytes(input: &str) -> Result<Bytes, String> {
    let looks_like_hex = input.chars().all(|c| c.is_ascii_hexdigit() || c.is_whitespace());
    if looks_like_hex && !Path::new(input).exists() {
        return notation::from_hex(input).map_err(|error| error.to_string());
    }
    let raw = contents(input)?;
    let text = std::str::from_utf8(&raw).ok().and_then(|text| notation::from_hex(text).ok());
    Ok(text.unwrap_or_else(|| Bytes::from(raw)))
}

fn contents(input: &str) -> Result<Vec<u8>, String> {
    if input == "-" {
        let mut bytes = Vec::new();
        let mut stdin = io::stdin().lock().take(MAX_INPUT_BYTES);
        stdin.read_to_end(&mut bytes).map_err(|error| format!("standard input: {error}"))?;
        return Ok(bytes);
    }
    fs::read(input).map_err(|error| format!("{input:?} is neither a message nor a file: {error}"))
}

/// Far above the largest message.
const MAX_INPUT_BYTES: u64 = 64 * 1024 * 1024;
