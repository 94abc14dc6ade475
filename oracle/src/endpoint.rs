//! Where the gateway reaches the agents: answers reads and calls, counts what was carried out twice.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::http::{read_request, write_answer};
use crate::messages;

/// Calls that were carried out, by their texts, which are unique.
#[derive(Debug, Default)]
pub(crate) struct Executions(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    done: HashSet<String>,
    twice: u64,
}

/// A listening endpoint; its drop ends it with all its connections, as the death of its process would.
#[derive(Debug)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    task: AbortHandle,
}

impl Executions {
    /// Calls that were carried out more than once.
    pub(crate) fn twice(&self) -> u64 {
        self.book().twice
    }

    fn note(&self, text: &str) {
        let mut book = self.book();
        let is_new = book.done.insert(text.to_owned());
        book.twice += u64::from(!is_new);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Endpoint {
    /// Listens on a free port of the loopback address.
    ///
    /// # Errors
    ///
    /// As the system says.
    pub(crate) async fn open(executions: Arc<Executions>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(serve(listener, executions)).abort_handle();
        Ok(Self { address, task })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, executions: Arc<Executions>) {
    // Its drop ends the connections, too.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(answer_all(stream, Arc::clone(&executions)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer_all(mut stream: TcpStream, executions: Arc<Executions>) {
    let mut rest = Vec::new();
    while let Ok(Some(asked)) = read_request(&mut stream, &mut rest).await {
        let name = asked.path.rsplit('/').next().unwrap_or_default();
        let (status, body) = match (asked.method.as_str(), name) {
            ("POST", "Echo") => match messages::parameter(&asked.body, "text") {
                Some(text) => {
                    executions.note(&text);
                    (200, messages::text(&text))
                }
                None => (400, json!("text is missing").to_string()),
            },
            _ => (200, String::new()),
        };
        if write_answer(&mut stream, status, &body).await.is_err() {
            return;
        }
    }
}
