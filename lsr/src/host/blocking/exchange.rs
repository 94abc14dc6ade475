//! One HTTP request and its answer, as `tw_http` and `tw_ems` make them: a connection of its own each time (script
//! resource notes, 2.6), and never an error: what goes wrong is an answer with code 503.

use std::time::Duration;

use awc::{
    Client,
    error::SendRequestError,
    http::{
        Method, Uri, Version,
        header::{HeaderName, HeaderValue},
    },
};
use edgebind_tls::{connector, direct, handshake_error};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) way: Way,
    /// As the script gives it: with its query, mostly unescaped.
    pub(super) path: Vec<u8>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Body,
    pub(super) patience: Duration,
}

/// How it is asked.
#[derive(Clone, Debug, Default)]
pub(super) enum Way {
    #[default]
    Clear,
    Tls(edgebind_tls::Client),
    /// There should be TLS, and this is why there is none.
    Barred(String),
}

impl Way {
    pub(super) fn tls(client: Result<edgebind_tls::Client, edgebind_tls::ClientError>) -> Self {
        client.map_or_else(|error| Self::Barred(error.to_string()), Self::Tls)
    }
}

/// What is sent.
#[derive(Clone, Debug, Default)]
pub(super) enum Body {
    #[default]
    None,
    /// Without another content type it is sent as text.
    Text(Vec<u8>),
    /// Fields of a form.
    Form(Vec<(Vec<u8>, Vec<u8>)>),
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// Names in lower case.
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    fn failed(text: impl Into<String>) -> Self {
        Self { code: UNREACHABLE, headers: Vec::new(), body: text.into().into_bytes() }
    }
}

/// Asks and waits for the whole answer.
pub(super) async fn exchange(request: Request) -> Reply {
    let patience = request.patience;
    let place = format!("{}:{}", request.host, request.port);
    match tokio::time::timeout(patience, send(request)).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(text)) => Reply::failed(format!("{place}: {text}")),
        Err(_) => Reply::failed(format!("{place}: no answer within {} ms", patience.as_millis())),
    }
}

async fn send(request: Request) -> Result<Reply, String> {
    let client = match &request.way {
        Way::Clear => CLEAR.with(Client::clone),
        Way::Tls(tls) => client(Some(tls.clone())),
        Way::Barred(reason) => return Err(reason.clone()),
    };
    let mut call = client.request(request.method.clone(), uri(&request)?).force_close();
    let mut typed = false;
    for (name, value) in &request.headers {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_bytes(value))
        else {
            continue;
        };
        // Those are the connection's own.
        if ["content-length", "connection", "transfer-encoding", "expect"].contains(&name.as_str()) {
            continue;
        }
        typed |= name == "content-type";
        call = call.insert_header((name, value));
    }
    let (content, default_type) = match request.body {
        Body::None => (Vec::new(), None),
        Body::Text(text) => (text, Some("text/plain")),
        Body::Form(fields) => (form(&fields), Some("application/x-www-form-urlencoded")),
    };
    if let Some(default_type) = default_type.filter(|_| !typed) {
        call = call.insert_header(("content-type", default_type));
    }
    let mut response = call.timeout(request.patience).send_body(content).await.map_err(words)?;
    let body = response.body().limit(BODY_BYTES).await.map_err(|error| error.to_string())?;
    let header =
        |(name, value): (&HeaderName, &HeaderValue)| (name.as_str().to_owned(), value.as_bytes().to_vec());
    Ok(Reply {
        code: response.status().as_u16(),
        headers: response.headers().iter().map(header).collect(),
        body: body.to_vec(),
    })
}

/// The URL, with everything escaped that would break it; escapes in it stay.
fn uri(request: &Request) -> Result<Uri, String> {
    let path = percent_encode(&request.path, BROKEN).to_string();
    let slash = if path.starts_with('/') { "" } else { "/" };
    let host = if request.host.contains(':') { format!("[{}]", request.host) } else { request.host.clone() };
    let url = format!("http://{host}:{}{slash}{path}", request.port);
    Uri::try_from(url).map_err(|error| error.to_string())
}

/// `a=1&b=two+words`.
fn form(fields: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let escape = |text: &[u8]| percent_encode(text, FORM).to_string().replace("%20", "+");
    let fields = fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    fields.collect::<Vec<_>>().join("&").into_bytes()
}

/// Why there is no answer.
fn words(error: SendRequestError) -> String {
    match &error {
        SendRequestError::Connect(connect) => {
            handshake_error(connect).map_or_else(|| connect.to_string(), ToString::to_string)
        }
        other => other.to_string(),
    }
}

/// Every request has a connection of its own.
fn client(tls: Option<edgebind_tls::Client>) -> Client {
    Client::builder()
        .max_http_version(Version::HTTP_11)
        .connector(awc::Connector::new().connector(connector(tls, direct)).limit(0))
        .no_default_headers()
        .disable_redirects()
        .disable_timeout()
        .finish()
}

thread_local! {
    /// One a thread.
    static CLEAR: Client = client(None);
}

/// What an original answers for whoever cannot be reached.
const UNREACHABLE: u16 = 503;
/// Larger answers are refused.
const BODY_BYTES: usize = 64 << 20;
/// What cannot stand in a URL; `%` may begin an escape.
const BROKEN: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*');

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str) -> String {
        let request = Request { host: "h".into(), port: 80, path: path.into(), ..Request::default() };
        uri(&request).unwrap().to_string()
    }

    #[test]
    fn forms_are_escaped() {
        let pair = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        assert_eq!(form(&[pair("q", "x y&"), pair("\u{e4}", "")]), b"q=x+y%26&%C3%A4=");
    }

    #[test]
    fn paths_keep_their_escapes_and_lose_what_breaks_them() {
        assert_eq!(url("/a%20b/c d?x=1"), "http://h:80/a%20b/c%20d?x=1");
        assert_eq!(url("a"), "http://h:80/a");
        assert_eq!(url("/Things/*id/"), "http://h:80/Things/*id/");
    }
}
