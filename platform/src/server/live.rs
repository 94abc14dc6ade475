//! The live socket of the page: a browser is an actor that watches the model.
//!
//! One text message is under way at a time: the browser says `ok` to each, and what changes meanwhile is folded
//! (newest value, newest state), so a slow browser costs no more memory than a quick one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, ActorContext, AsyncContext, StreamHandler};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use actix_web_actors::ws::{
    CloseCode, CloseReason, Message, ProtocolError, WebsocketContext, WsResponseBuilder,
};
use edgebind_kernel::clock;
use serde::Serialize;
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use super::{
    rest::{RestError, offered_key},
    shared::Shared,
};
use crate::model::{Change, Sample, ThingView, value_as_json};

/// Upgrades `/live` for a page of this very address that knows a key.
pub(super) async fn upgrade(
    request: HttpRequest,
    body: web::Payload,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, actix_web::Error> {
    if !same_origin(&request) {
        return Err(
            RestError::new(StatusCode::FORBIDDEN, "pages of other addresses may not look here").into()
        );
    }
    if !offered_key(&request).is_some_and(|key| shared.key_opens(&key)) {
        return Err(RestError::new(
            StatusCode::UNAUTHORIZED,
            "the live socket needs ?appKey= in its address",
        )
        .into());
    }
    let changes = shared.watch();
    let live = Live {
        shared: shared.into_inner(),
        changes,
        fresh: true,
        news: News::default(),
        unanswered: None,
        last_heard: clock::now(),
    };
    WsResponseBuilder::new(live, &request, body).frame_size(LONGEST_FRAME).start()
}

/// A browser always says where its page came from; other programs say nothing.
fn same_origin(request: &HttpRequest) -> bool {
    let text = |name: header::HeaderName| {
        request.headers().get(name).map(|value| value.to_str().unwrap_or_default())
    };
    match (text(header::ORIGIN), text(header::HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, origin)| origin == host),
        (Some(_), None) => false,
    }
}

/// One browser.
struct Live {
    shared: Arc<Shared>,
    changes: Receiver<Arc<Change>>,
    /// Whether the whole picture is to be sent: at first, and when changes were missed.
    fresh: bool,
    news: News,
    /// When the message was sent that the browser has not answered yet.
    unanswered: Option<Instant>,
    last_heard: Instant,
}

/// What changed since the last message, folded.
#[derive(Default)]
struct News {
    things: BTreeSet<String>,
    values: BTreeMap<(String, String), Sample>,
}

/// What the page is sent; the page's script reads these names.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Picture<'a> {
    /// Everything; what the page knew is void.
    Whole { things: Vec<ThingView> },
    /// What is different now.
    Changes { things: Vec<ThingView>, removed: Vec<&'a str>, values: Vec<NewValue<'a>> },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewValue<'a> {
    thing: &'a str,
    property: &'a str,
    base_type: &'static str,
    #[serde(serialize_with = "value_as_json")]
    value: &'a edgebind_alwayson::Value,
    time: Option<i64>,
    quality: &'a str,
}

impl Live {
    fn tick(&mut self, ctx: &mut WebsocketContext<Self>) {
        let now = clock::now();
        if now.duration_since(self.last_heard) > SILENCE {
            let description = Some("Normal Close the page is silent".to_owned());
            ctx.close(Some(CloseReason { code: CloseCode::Normal, description }));
            return ctx.stop();
        }
        self.fold();
        if self.unanswered.is_none()
            && let Some(text) = self.picture()
        {
            self.unanswered = Some(now);
            ctx.text(text);
        }
    }

    fn fold(&mut self) {
        loop {
            match self.changes.try_recv() {
                Ok(change) => self.news.add(&change),
                Err(TryRecvError::Lagged(_)) => self.fresh = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }

    fn picture(&mut self) -> Option<String> {
        let news = std::mem::take(&mut self.news);
        if std::mem::take(&mut self.fresh) {
            let things = self.shared.with_model(|model| model.view());
            return serde_json::to_string(&Picture::Whole { things }).ok();
        }
        if news.things.is_empty() && news.values.is_empty() {
            return None;
        }
        let (mut things, mut removed) = (Vec::new(), Vec::new());
        self.shared.with_model(|model| {
            for name in &news.things {
                match model.resolve(name) {
                    Some(thing) => things.push(ThingView::of(thing)),
                    None => removed.push(name.as_str()),
                }
            }
        });
        let values = news.values.iter().map(|((thing, property), sample)| NewValue {
            thing,
            property,
            base_type: sample.value.base_type().name(),
            value: &sample.value,
            time: sample.time,
            quality: sample.quality.as_str(),
        });
        serde_json::to_string(&Picture::Changes { things, removed, values: values.collect() }).ok()
    }
}

impl News {
    fn add(&mut self, change: &Change) {
        match change {
            Change::Value { thing, property, sample } => {
                self.values.insert((thing.clone(), property.clone()), sample.clone());
            }
            // The page shows no events yet.
            Change::Event { .. } => {}
            other => {
                self.things.insert(other.thing().to_owned());
            }
        }
    }
}

impl Actor for Live {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.tick(ctx);
        ctx.run_interval(RHYTHM, Self::tick);
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Live {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        self.last_heard = clock::now();
        match message {
            // Whatever the text is: the browser has taken the last picture.
            Ok(Message::Text(_)) => self.unanswered = None,
            Ok(Message::Ping(payload)) => ctx.pong(&payload),
            Ok(Message::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            Ok(_) => {}
            Err(_) => ctx.stop(),
        }
    }
}

/// Time between two looks at what changed.
const RHYTHM: Duration = Duration::from_millis(100);
/// A page says something at least every 20 s.
const SILENCE: Duration = Duration::from_secs(60);
/// A page says nothing longer than `ok`.
const LONGEST_FRAME: usize = 1024;
