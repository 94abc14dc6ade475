//! The threads that scripts run on: one for each while there are few, at most 16.
//!
//! A long function in C cannot be interrupted, and the scripts of its thread wait with it: hence not one thread for all.

use std::sync::{Mutex, PoisonError};

use actix_rt::{Arbiter, ArbiterHandle};

/// Started as they are needed.
#[derive(Default)]
pub(super) struct Threads(Mutex<Pool>);

#[derive(Default)]
struct Pool {
    threads: Vec<ArbiterHandle>,
    given: usize,
}

impl Threads {
    /// The thread of the next script.
    ///
    /// # Panics
    ///
    /// Outside of an actix `System`.
    pub(super) fn next(&self) -> ArbiterHandle {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Pool { threads, given } = &mut *pool;
        let turn = *given % MAX_THREADS;
        *given += 1;
        if let Some(thread) = threads.get(turn) {
            return thread.clone();
        }
        let thread = Arbiter::new().handle();
        threads.push(thread.clone());
        thread
    }

    /// Ends them all; scripts on them must have ended before.
    pub(super) fn stop(&self) {
        for thread in &self.0.lock().unwrap_or_else(PoisonError::into_inner).threads {
            thread.stop();
        }
    }
}

const MAX_THREADS: usize = 16;
