//! Callers at the platform: each of their requests has exactly one answer, or its connection ends with the platform.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::http::{NoAnswer, Request};
use crate::messages;

/// Callers that are running.
#[derive(Debug)]
pub struct Callers {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    counts: Arc<Mutex<Answers>>,
}

/// What became of the calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Calls that were sent.
    pub asked: u64,
    /// Answered with 200 and the right result.
    pub right: u64,
    /// Answered with another status.
    pub refused: u64,
    /// The connection ended without an answer, or nobody listened.
    pub ended: u64,
    /// Answered with another call's result.
    pub wrong: u64,
    /// Not answered although the connection stands.
    pub silent: u64,
    /// Bytes behind an answer.
    pub surplus: u64,
}

impl Answers {
    /// Whether no call had a wrong answer, two answers, or none on a connection that stood.
    #[must_use]
    pub const fn are_one_each(&self) -> bool {
        self.wrong == 0 && self.silent == 0 && self.surplus == 0
    }
}

impl Callers {
    /// Starts so many callers, each with one call at a time of the service `Echo`, thing after thing.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(
        platform: SocketAddr,
        app_key: &str,
        things: &[String],
        callers: usize,
        pause: Duration,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let counts = Arc::<Mutex<Answers>>::default();
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            let (app_key, things) = (app_key.to_owned(), things.to_vec());
            let (counts, mut stopped) = (Arc::clone(&counts), stopped.clone());
            tasks.spawn(async move {
                for number in 0_u64.. {
                    let index = usize::try_from(number).unwrap_or_default().wrapping_add(caller * 7)
                        % things.len().max(1);
                    let Some(thing) = things.get(index).filter(|_| !*stopped.borrow_and_update()) else {
                        return;
                    };
                    call(platform, &app_key, thing, &format!("{caller}-{number}"), &counts).await;
                    tokio::select! {
                        () = sleep(pause) => {}
                        _ = stopped.changed() => {}
                    }
                }
            });
        }
        Self { tasks, stop, counts }
    }

    /// Lets every caller wait for its answer, and answers what became of all.
    pub async fn finish(mut self) -> Answers {
        // Nobody listens any more if all tasks panicked; then they are joined at once.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn call(platform: SocketAddr, app_key: &str, thing: &str, text: &str, counts: &Mutex<Answers>) {
    let path = format!("/Thingworx/Things/{thing}/Services/Echo");
    let body = json!({ "text": text }).to_string();
    let request = Request { method: "POST", path: &path, app_key: Some(app_key), body: &body };
    let answer = request.send(platform, PATIENCE).await;
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    counts.asked += 1;
    let counter = match &answer {
        Ok(answer) if answer.status == 200 && messages::result(&answer.body) == Some(json!(text)) => {
            &mut counts.right
        }
        Ok(answer) if answer.status == 200 => &mut counts.wrong,
        Ok(_) => &mut counts.refused,
        Err(NoAnswer::Ended) => &mut counts.ended,
        Err(NoAnswer::Late(_)) => &mut counts.silent,
    };
    *counter += 1;
    counts.surplus += answer.map_or(0, |answer| u64::try_from(answer.surplus).unwrap_or(u64::MAX));
}

/// The platform answers each request after 30 s at the latest; this leaves room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
