//! The HTTP client of the exporters: awc on a thread with an actix system of its own.
//!
//! Exporters call from threads without a runtime, and awc lives on one thread only; a bounded channel joins them. A
//! request has one deadline for everything: the place in the queue, the connection, the answer and its body.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::sync::{mpsc, oneshot};

use super::health::Health;

/// Sends exports to the collector; cheap to share.
#[derive(Debug)]
pub(super) struct CollectorClient {
    jobs: mpsc::Sender<Job>,
    health: Health,
}

/// Keeps the client's thread; dropping it ends every request at once.
#[derive(Debug)]
pub(super) struct ClientThread {
    _stop: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Job {
    request: Request<Bytes>,
    answer: oneshot::Sender<Result<Response<Bytes>, ExportError>>,
}

/// Why an export did not reach the collector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum ExportError {
    /// Exports of both signals are under way, and more wait.
    #[error("the queue to the collector is full")]
    Busy,
    /// The thread is gone: the process is stopping.
    #[error("telemetry is shut down")]
    Stopped,
    /// No complete answer in time.
    #[error("no answer from the collector in {0:?}")]
    Timeout(Duration),
    /// Connection, request or answer failed.
    #[error("{0}")]
    Transport(String),
}

impl CollectorClient {
    /// Exports under way and waiting at once: two signals, each with one at a time, and some room.
    const QUEUE: usize = 8;
    /// Largest answer in bytes; a collector says little.
    const LARGEST_ANSWER: usize = 64 * 1024;

    /// Starts the thread; `deadline` is for each request.
    pub(super) fn start(deadline: Duration) -> std::io::Result<(Self, ClientThread)> {
        let (jobs, queue) = mpsc::channel(Self::QUEUE);
        let (stop, stopped) = oneshot::channel();
        std::thread::Builder::new()
            .name("telemetry".to_owned())
            .spawn(move || actix_rt::System::new().block_on(serve(queue, stopped, deadline)))?;
        Ok((Self { jobs, health: Health::default() }, ClientThread { _stop: stop }))
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let endpoint = request.uri().to_string();
        let (answer, answered) = oneshot::channel();
        let outcome = match self.jobs.try_send(Job { request, answer }) {
            Ok(()) => answered.await.unwrap_or(Err(ExportError::Stopped)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(ExportError::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(ExportError::Stopped),
        };
        match &outcome {
            Ok(response) if response.status().is_success() => self.health.delivered(&endpoint),
            Ok(response) => self.health.failed(&endpoint, &response.status()),
            Err(ExportError::Stopped) => {}
            Err(error) => self.health.failed(&endpoint, error),
        }
        Ok(outcome?)
    }
}

impl HttpClient for CollectorClient {
    // Written out instead of by `async_trait`: the crate is not needed for one function.
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(self.send(request))
    }
}

/// Serves requests until nobody is left to send one, or until it is told to stop.
async fn serve(mut queue: mpsc::Receiver<Job>, mut stopped: oneshot::Receiver<()>, deadline: Duration) {
    // awc's own limits are above ours: the deadline below covers the whole exchange.
    let client = awc::Client::builder()
        .timeout(deadline.saturating_mul(2))
        .disable_redirects()
        .connector(awc::Connector::new().timeout(deadline.saturating_mul(2)).limit(4))
        .finish();
    loop {
        let job = tokio::select! {
            biased;
            _ = &mut stopped => return,
            job = queue.recv() => job,
        };
        let Some(Job { request, answer }) = job else { return };
        let client = client.clone();
        actix_rt::spawn(async move {
            let outcome = match tokio::time::timeout(deadline, exchange(&client, request)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(ExportError::Timeout(deadline)),
            };
            // An exporter that gave up does not want to know.
            let _ = answer.send(outcome);
        });
    }
}

async fn exchange(client: &awc::Client, request: Request<Bytes>) -> Result<Response<Bytes>, ExportError> {
    let (head, body) = request.into_parts();
    let mut outgoing = client.post(head.uri.to_string());
    for (name, value) in &head.headers {
        outgoing = outgoing.insert_header((name.as_str(), value.as_bytes()));
    }
    let mut response =
        outgoing.send_body(body).await.map_err(|error| ExportError::Transport(error.to_string()))?;
    let bytes = response
        .body()
        .limit(CollectorClient::LARGEST_ANSWER)
        .await
        .map_err(|error| ExportError::Transport(error.to_string()))?;
    let mut answer = Response::builder().status(response.status().as_u16());
    if let Some(pause) = response.headers().get("retry-after") {
        answer = answer.header(http::header::RETRY_AFTER, pause.as_bytes());
    }
    answer.body(bytes).map_err(|error| ExportError::Transport(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn send(client: &CollectorClient, address: &str) -> Result<Response<Bytes>, String> {
        let request = Request::post(address).body(Bytes::from_static(b"x")).expect("a request");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(client.send(request)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_silent_collector_costs_one_deadline() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", silent.local_addr().expect("it is bound"));
        let (client, _thread) = CollectorClient::start(Duration::from_millis(100)).expect("a thread");
        assert_eq!(send(&client, &address).unwrap_err(), "no answer from the collector in 100ms");
    }

    #[test]
    fn after_the_end_requests_fail_at_once() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", silent.local_addr().expect("it is bound"));
        let (client, thread) = CollectorClient::start(Duration::from_secs(600)).expect("a thread");
        std::thread::scope(|scope| {
            let pending = scope.spawn(|| send(&client, &address));
            // The connection is there, so the request is under way.
            let connection = silent.accept().expect("a connection");
            drop(thread);
            assert_eq!(pending.join().expect("no panic").unwrap_err(), "telemetry is shut down");
            drop(connection);
        });
        assert_eq!(send(&client, &address).unwrap_err(), "telemetry is shut down");
    }
}
