//! The mechanism of `docs/adr/0007` held to its promises. What must not hold up what is shown by structure: one callback
//! waits until another has been answered, so where it holds the other up, neither ever ends.

mod busy;
mod errors;
mod files;
mod http;
mod kill;
mod life;
mod limits;
mod scripts;
mod sleep;
