//! Remembers what the last panic of a thread said and where it was, and puts it into the log.

use std::{any::Any, cell::RefCell, panic::PanicHookInfo, sync::Once};

use tracing::{Level, error};

use crate::Exit;

thread_local! {
    static LAST: RefCell<Option<Exit>> = const { RefCell::new(None) };
}

/// Makes text and place of a panic known to the supervision tree, and logs every panic at `error!`.
///
/// Where nobody listens to the log (no subscriber), the hook that was installed before is called instead. Further calls
/// change nothing.
pub fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            remember(info);
            if tracing::enabled!(Level::ERROR) { log(info) } else { before(info) }
        }));
    });
}

/// The panic this thread has just come out of (`payload`) or is still in (none): text and place as the hook saw them.
pub(crate) fn last(payload: Option<&(dyn Any + Send)>) -> Exit {
    let seen = LAST.try_with(RefCell::take).ok().flatten();
    let text = text(payload);
    // What the hook remembers is an older panic if this one went past it (`resume_unwind`).
    let is_this =
        |exit: &Exit| payload.is_none() || matches!(exit, Exit::Panicked { text: seen, .. } if *seen == text);
    seen.filter(is_this).unwrap_or_else(|| Exit::Panicked { text, place: UNKNOWN_PLACE.into() })
}

fn remember(info: &PanicHookInfo<'_>) {
    let exit = Exit::Panicked { text: text(Some(info.payload())), place: place(info) };
    // Fails only while the thread is being torn down.
    let _ = LAST.try_with(|last| last.replace(Some(exit)));
}

fn log(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let text = text(Some(info.payload()));
    error!(text, place = place(info), thread = thread.name().unwrap_or("unnamed"), "Panic.");
}

fn place(info: &PanicHookInfo<'_>) -> String {
    info.location().map_or_else(|| UNKNOWN_PLACE.into(), ToString::to_string)
}

fn text(payload: Option<&(dyn Any + Send)>) -> String {
    let said = payload.and_then(|payload| {
        payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
    });
    said.unwrap_or("no text").into()
}

const UNKNOWN_PLACE: &str = "unknown place";
