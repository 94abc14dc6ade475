//! The live socket of the page: a browser is an actor that watches the model and, if it likes, the wire.
//!
//! The page says what it shows ([`Wish`]): the things whose properties it wants, and whether it shows the wire. It is
//! told ([`Picture`]) what things there are and whether they are connected, and everything about those that it shows.
//! One text message is under way at a time: the page says `ok` to each, and what changes meanwhile is folded (newest
//! value, newest state), so a slow browser costs no more memory than a quick one. The whole picture comes in parts.

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
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use self::{
    lines::{Line, Lines},
    picture::{NewValue, Picture, Summary},
    wish::Wish,
};
use super::{
    Right,
    key::Grant,
    rest::{RestError, offered_key},
    shared::Shared,
    wire::Watcher,
};
use crate::model::{Change, Sample, ThingView};

mod lines;
mod picture;
mod wish;

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
    let Some(key) = offered_key(&request) else {
        let missing = "the live socket needs ?appKey= in its address";
        return Err(RestError::new(StatusCode::UNAUTHORIZED, missing).into());
    };
    let now_ms = clock::unix_millis();
    let grant = shared
        .grant(&key, now_ms)
        .and_then(|grant| grant.check(Right::Read, now_ms).map(|()| grant))
        .map_err(RestError::from)?;
    let changes = shared.watch();
    let live = Live {
        shared: shared.into_inner(),
        grant,
        changes,
        whole: Some(String::new()),
        renewed: None,
        stale: false,
        watched: BTreeSet::new(),
        news: News::default(),
        wire: None,
        unanswered: None,
        last_heard: clock::now(),
    };
    WsResponseBuilder::new(live, &request, body).frame_size(Wish::LONGEST).start()
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
    grant: Grant,
    changes: Receiver<Arc<Change>>,
    /// While the whole picture is being sent: the name behind which the next part begins.
    whole: Option<String>,
    /// When the whole picture was begun last.
    renewed: Option<Instant>,
    /// Changes were missed: the whole picture is to be sent again.
    stale: bool,
    /// Things whose properties and events the page shows.
    watched: BTreeSet<String>,
    news: News,
    wire: Option<Wire>,
    /// When the message was sent that the browser has not answered yet.
    unanswered: Option<Instant>,
    last_heard: Instant,
}

/// What changed since the last message, folded.
#[derive(Default)]
struct News {
    things: BTreeSet<String>,
    values: BTreeMap<(String, String), Sample>,
    /// Watched things that fired events.
    events: BTreeSet<String>,
    /// Watched things that are to be told with all their properties.
    views: BTreeSet<String>,
}

/// What a page that shows the wire needs.
struct Wire {
    watcher: Watcher,
    lines: Lines,
}

impl Live {
    fn tick(&mut self, ctx: &mut WebsocketContext<Self>) {
        let now = clock::now();
        if now.duration_since(self.last_heard) > SILENCE {
            return close(ctx, CloseCode::Normal, "Normal Close the page is silent");
        }
        if let Err(refusal) = self.grant.check(Right::Read, clock::unix_millis()) {
            return close(ctx, CloseCode::Policy, &format!("Policy Violation {refusal}"));
        }
        self.fold();
        if self.unanswered.is_none()
            && let Some(text) = self.picture(now)
        {
            self.unanswered = Some(now);
            ctx.text(text);
        }
    }

    fn fold(&mut self) {
        loop {
            match self.changes.try_recv() {
                Ok(change) => self.news.add(&change, &self.watched),
                Err(TryRecvError::Lagged(_)) => self.stale = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }

    /// What there is to tell now, as JSON.
    fn picture(&mut self, now: Instant) -> Option<String> {
        let rested = self.renewed.is_none_or(|at| now.duration_since(at) >= RENEWAL);
        if self.stale && self.whole.is_none() && rested {
            self.whole = Some(String::new());
        }
        if self.whole.as_deref() == Some("") {
            self.stale = false;
            self.renewed = Some(now);
            self.news.views.extend(self.watched.iter().cloned());
        }
        let news = std::mem::take(&mut self.news);
        let mut picture = Picture::default();
        let behind = self.whole.take();
        self.shared.with_model(|model| {
            if let Some(behind) = &behind {
                picture.part = Some(if behind.is_empty() { "first" } else { "next" });
                picture.things = model.things_behind(behind).take(PART).map(Summary::of).collect();
                if picture.things.len() == PART {
                    self.whole = picture.things.last().map(|last| last.name.clone());
                }
            }
            for name in &news.things {
                match model.resolve(name) {
                    Some(thing) => picture.things.push(Summary::of(thing)),
                    None => picture.removed.push(name),
                }
            }
            let views = news.views.iter().filter_map(|name| model.resolve(name));
            picture.watched = views.map(ThingView::of).collect();
        });
        picture.more = self.whole.is_some();
        picture.values = news
            .values
            .iter()
            .filter(|((thing, _), _)| !news.views.contains(thing))
            .map(|((thing, property), sample)| NewValue::of(thing, property, sample))
            .collect();
        picture.events = news.events.iter().map(String::as_str).collect();
        if let Some(wire) = &mut self.wire {
            (picture.lines, picture.missed) = wire.take();
        }
        picture.text()
    }

    fn heed(&mut self, wish: Wish) {
        match wish {
            Wish::Taken => self.unanswered = None,
            Wish::Watch(things) => {
                self.news.views.extend(things.difference(&self.watched).cloned());
                self.watched = things;
                let watched = &self.watched;
                self.news.views.retain(|name| watched.contains(name));
                self.news.events.retain(|name| watched.contains(name));
                self.news.values.retain(|(thing, _), _| watched.contains(thing));
            }
            Wish::Wire(None) => self.wire = None,
            Wish::Wire(Some(filter)) => {
                let tap = &self.shared.tap;
                let wire =
                    self.wire.get_or_insert_with(|| Wire { watcher: tap.watch(), lines: Lines::default() });
                wire.lines.set_filter(&filter);
            }
        }
    }
}

impl News {
    fn add(&mut self, change: &Change, watched: &BTreeSet<String>) {
        let name = change.thing();
        match change {
            Change::Value { property, sample, .. } if watched.contains(name) => {
                self.values.insert((name.to_owned(), property.clone()), sample.clone());
            }
            Change::Event { .. } if watched.contains(name) => {
                self.events.insert(name.to_owned());
            }
            Change::Value { .. } | Change::Event { .. } => {}
            _ => {
                self.things.insert(name.to_owned());
                if watched.contains(name) {
                    self.views.insert(name.to_owned());
                }
            }
        }
    }
}

impl Wire {
    /// The newest lines that pass the filter, and how many messages were left out for want of room.
    fn take(&mut self) -> (Vec<Line>, u64) {
        let (passed, missed) = self.watcher.take();
        let mut lines: Vec<Line> = passed.iter().filter_map(|passed| self.lines.line(passed)).collect();
        let surplus = lines.len().saturating_sub(MOST_LINES);
        lines.drain(..surplus);
        (lines, missed + u64::try_from(surplus).unwrap_or(u64::MAX))
    }
}

fn close(ctx: &mut WebsocketContext<Live>, code: CloseCode, text: &str) {
    ctx.close(Some(CloseReason { code, description: Some(text.to_owned()) }));
    ctx.stop();
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
            Ok(Message::Text(text)) => match Wish::read(&text) {
                Some(wish) => self.heed(wish),
                None => close(ctx, CloseCode::Policy, "Policy Violation a page says nothing like that"),
            },
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
/// Things in one part of the whole picture.
const PART: usize = 1000;
/// Shortest time between two whole pictures, when changes come faster than they can be folded.
const RENEWAL: Duration = Duration::from_secs(1);
/// Most lines of the wire in one message.
const MOST_LINES: usize = 200;
