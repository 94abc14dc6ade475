//! `tw_mutex`: one lock a script, for its main chunk and its callbacks (script resource notes, 3.5).
//!
//! It is not recursive, and an error between lock and unlock leaves it locked, as in the original.

use std::{rc::Rc, sync::Arc};

use tokio::sync::Semaphore;

use super::super::{Arity, Natives, ScriptScope};
use crate::log::{self, Level};

pub(super) fn install(natives: &Natives<'_>, scope: &ScriptScope) -> mlua::Result<()> {
    let semaphore = Rc::new(Semaphore::new(1));
    let table = natives.table("tw_mutex")?;
    let waiting = Rc::clone(&semaphore);
    let lock = natives.blocking(Arity::exactly(0), move |_, ()| {
        let semaphore = Rc::clone(&waiting);
        Ok(async move {
            // It is never closed. Whoever waits longest is next.
            if let Ok(permit) = semaphore.acquire().await {
                permit.forget();
            }
            Natives::finish(|_| Ok(()))
        })
    })?;
    table.raw_set("lock", lock)?;
    let script = Arc::clone(&scope.name);
    let unlock = natives.plain(Arity::exactly(0), move |_, ()| {
        if semaphore.available_permits() == 0 {
            semaphore.add_permits(1);
        } else {
            log::write(Level::Warn, &script, "unlock of a mutex that is not locked");
        }
        Ok(())
    })?;
    table.raw_set("unlock", unlock)
}
