//! Whether the threads that serve still turn: each is asked to carry out a task.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_rt::{Arbiter, ArbiterHandle};
use tokio::{sync::oneshot, time::timeout};

/// The threads that have said they serve.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    threads: Arc<Mutex<Vec<ArbiterHandle>>>,
}

impl Pulse {
    /// Counts the thread that calls this from now on, until it ends.
    pub fn join(&self) {
        if let Some(thread) = Arbiter::try_current() {
            self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
    }

    /// Whether every thread answers within `patience`. One that has ended does not count: actix puts another in its
    /// place, which joins by itself.
    pub async fn beats(&self, patience: Duration) -> bool {
        let mut asked = Vec::new();
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).retain(|thread| {
            let (answer, answered) = oneshot::channel();
            let lives = thread.spawn(async move {
                // Too late is as good as never.
                answer.send(()).unwrap_or_default();
            });
            if lives {
                asked.push(answered);
            }
            lives
        });
        let all = async {
            for answered in asked {
                if answered.await.is_err() {
                    return false;
                }
            }
            true
        };
        timeout(patience, all).await.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn threads_that_turn_beat_and_one_that_is_stuck_stops_the_pulse() {
        actix_rt::System::new().block_on(a_thread_joins_is_held_and_ends());
    }

    async fn a_thread_joins_is_held_and_ends() {
        let pulse = Pulse::default();
        let arbiter = Arbiter::new();
        let joined = pulse.clone();
        assert!(arbiter.spawn_fn(move || joined.join()));
        while pulse.threads.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(pulse.beats(Duration::from_secs(30)).await);
        let (release, held) = mpsc::channel::<()>();
        assert!(arbiter.spawn_fn(move || held.recv().unwrap_or_default()));
        assert!(!pulse.beats(Duration::from_millis(50)).await, "its thread is held");
        drop(release);
        assert!(pulse.beats(Duration::from_secs(30)).await, "it turns again");
        arbiter.stop();
        arbiter.join().unwrap();
        assert!(pulse.beats(Duration::from_secs(30)).await, "a thread that has ended is not waited for");
    }
}
