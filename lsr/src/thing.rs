//! What the framework of things has of Rust: the sleep of a thing's main loop (script resource notes, 4.4), as the
//! global table `edgebind`.
//!
//! The original looks every `scanRateResolution` whether something is due. Here the loop sleeps until then, and is woken
//! by requests that change something.

use std::{rc::Rc, time::Duration};

use tokio::sync::Notify;

use crate::host::{Arity, Natives, ScriptScope};

/// Puts the functions into a new state.
///
/// # Errors
///
/// Not enough memory.
pub(crate) fn install(natives: &Natives<'_>, scope: &ScriptScope) -> mlua::Result<()> {
    let table = natives.table("edgebind")?;
    // Remembers one ring while nobody sleeps, so none is lost between a look and the sleep after it.
    let bell = Rc::new(Notify::new());

    let ringer = Rc::clone(&bell);
    let wake = natives.plain(Arity::exactly(0), move |_, ()| {
        ringer.notify_one();
        Ok(())
    })?;
    table.raw_set("wake", wake)?;

    let scope = scope.clone();
    let sleep = natives.blocking(Arity::exactly(1), move |_, ms: f64| {
        let (bell, pause, scope) = (Rc::clone(&bell), pause(ms), scope.clone());
        Ok(async move {
            // Woken or not, the loop looks again.
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = bell.notified() => {}
                () = scope.stopping() => {}
            }
            Natives::finish(|_| Ok(()))
        })
    })?;
    table.raw_set("sleep", sleep)
}

/// Anything that is no time is none; at most a minute.
fn pause(ms: f64) -> Duration {
    Duration::try_from_secs_f64((ms / 1000.0).clamp(0.0, 60.0)).unwrap_or_default()
}

#[cfg(test)]
mod push_rules;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::{body, with_scripts};

    #[test]
    fn a_ring_while_nobody_sleeps_is_remembered_once() {
        let code = "edgebind.wake() edgebind.wake() edgebind.sleep(60000) \
                    local before = os.time() edgebind.sleep(1100) return os.time() > before";
        assert_eq!(crate::host::testing::eval(code), Ok("true".into()));
    }

    #[test]
    fn a_script_that_is_told_to_stop_does_not_sleep_on() {
        let script = "function ready() return 200, 'asleep' end \
                      tw_http.registerCallback('/ready', 'ready') edgebind.sleep(60000) edgebind.sleep(60000)";
        with_scripts(&[("sleeper.lua", script)], async |host| {
            assert_eq!(body(&host, "sleeper", "ready").await, "asleep");
            // Stopping the host at the end of this fails the test if the script sleeps on.
        });
    }

    #[test]
    fn a_pause_is_at_most_a_minute_and_never_negative() {
        assert_eq!(pause(250.0), Duration::from_millis(250));
        assert_eq!(pause(-5.0), Duration::ZERO);
        assert_eq!(pause(f64::NAN), Duration::ZERO);
        assert_eq!(pause(f64::INFINITY), Duration::from_secs(60));
    }
}
