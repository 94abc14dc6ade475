//! The secret of the admin port: made once, kept in the state directory, 0600.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    path::Path,
};

use subtle::ConstantTimeEq;
use tracing::info;

use super::AdminError;

/// The secret; never shown by `Debug`.
pub(super) struct Token(String);

impl Token {
    /// The token of the state directory; made if there is none. It stays over restarts, for scrapers.
    pub(super) fn kept_in(folder: &Path) -> Result<Self, AdminError> {
        let path = folder.join(FILE);
        let unusable = |source| AdminError::Token { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Ok(text) if is_token(text.trim()) => return Ok(Self(text.trim().to_owned())),
            Ok(_) => fs::remove_file(&path).map_err(unusable)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unusable(error)),
        }
        let token = make().map_err(unusable)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path).and_then(|mut file| writeln!(file, "{token}")).map_err(unusable)?;
        Ok(Self(token))
    }

    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether `shown` is the token; takes the same time wherever they differ.
    pub(super) fn opens(&self, shown: &str) -> bool {
        self.0.as_bytes().ct_eq(shown.as_bytes()).into()
    }

    /// Shows the token to a person at a terminal, and to the log only where it is.
    pub(super) fn announce(&self, address: SocketAddr, folder: &Path) {
        info!(%address, token = %folder.join(FILE).display(), "The admin interface listens.");
        if io::stdout().is_terminal() {
            println!("Admin      http://{address}/edgebind/v1/status, token {}", self.0);
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// 256 bits of the system's randomness, in hexadecimal.
fn make() -> io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn is_token(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

const FILE: &str = "admin.token";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_stays_over_restarts_and_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let first = Token::kept_in(folder.path()).unwrap();
        let second = Token::kept_in(folder.path()).unwrap();
        assert!(is_token(&first.0) && first.opens(&second.0));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_damaged_token_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "short").unwrap();
        let token = Token::kept_in(folder.path()).unwrap();
        assert!(is_token(&token.0) && !token.opens("short"));
        assert!(!format!("{token:?}").contains(&token.0));
    }
}
