//! One life of a child: the task that builds the actor, runs it, and clears away what is left of it.
//!
//! The actor is built and polled in its own task, within `catch_unwind`. So a panic, even of the constructor, stays in
//! the child, and its remains are dropped after the unwinding, where a second panic cannot abort the process.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
};

use actix::{
    Actor, ActorContext, ActorState, Context,
    dev::{ContextFut, channel::AddressReceiver},
};
use tokio::sync::oneshot;

use crate::{
    lifeline::{Lifeline, Signs},
    panics,
    spec::{Build, Listing},
};

/// All that is needed to start a life; may cross to another arbiter, as the actor itself may not.
pub(crate) struct Birth<A: Actor<Context = Context<A>>> {
    /// First, so that the name is free before the supervisor hears of the end.
    pub(crate) listing: Option<Listing>,
    pub(crate) mailbox: AddressReceiver<A>,
    pub(crate) build: Build<A>,
    pub(crate) lifeline: Lifeline,
    pub(crate) cut: oneshot::Receiver<()>,
    pub(crate) signs: Arc<Signs>,
}

/// The task of one life. It ends when the actor does, when the actor panics, or when the other end of `cut` is used or
/// dropped.
pub(crate) struct Life<A: Actor<Context = Context<A>>> {
    listing: Option<Listing>,
    stage: Stage<A>,
    cut: oneshot::Receiver<()>,
    signs: Arc<Signs>,
}

#[expect(clippy::large_enum_variant, reason = "alive is what it is nearly always")]
enum Stage<A: Actor<Context = Context<A>>> {
    Unborn { mailbox: AddressReceiver<A>, build: Build<A>, lifeline: Lifeline },
    Alive(ContextFut<A, Context<A>>),
    Over,
}

impl<A: Actor<Context = Context<A>>> Life<A> {
    pub(crate) fn new(birth: Birth<A>) -> Self {
        let Birth { listing, mailbox, build, lifeline, cut, signs } = birth;
        Self { listing, stage: Stage::Unborn { mailbox, build, lifeline }, cut, signs }
    }

    /// Clears away the actor; its lifeline tells the supervisor.
    fn end(&mut self, fell: bool) {
        self.listing = None;
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        if matches!(stage, Stage::Over) {
            return;
        }
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| stage.clear(fell))) {
            // The lifeline went down in the unwinding and has told of it.
            drop(panics::last(Some(&*payload)));
        }
        self.signs.over.notify_one();
    }
}

impl<A: Actor<Context = Context<A>>> Stage<A> {
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        if matches!(self, Self::Unborn { .. })
            && let Self::Unborn { mailbox, build, mut lifeline } = std::mem::replace(self, Self::Over)
        {
            lifeline.born();
            let mut ctx = Context::with_receiver(mailbox);
            let actor = build(&mut ctx, lifeline);
            *self = Self::Alive(ctx.into_future(actor));
        }
        match self {
            Self::Alive(actor) => Pin::new(actor).poll(cx),
            Self::Unborn { .. } | Self::Over => Poll::Ready(()),
        }
    }

    /// Drops the actor. One that stands upright goes through `stopping` and `stopped` first; left to itself, actix calls
    /// them from the drop, but only while somebody holds an address, and after a panic, too.
    fn clear(self, fell: bool) {
        let Self::Alive(mut actor) = self else { return };
        // In one that has stopped by itself they have run.
        if !fell && actor.ctx().state() != ActorState::Stopped {
            actor.ctx().stop();
            // The hooks do not wait, so nobody needs to be woken.
            let _ = Pin::new(&mut actor).poll(&mut task::Context::from_waker(task::Waker::noop()));
        }
        actor.ctx().terminate();
    }
}

impl<A: Actor<Context = Context<A>>> Future for Life<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if Pin::new(&mut this.cut).poll(cx).is_ready() {
            this.end(false);
            return Poll::Ready(());
        }
        match catch_unwind(AssertUnwindSafe(|| this.stage.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) => this.end(false),
            Err(payload) => {
                let panic = panics::last(Some(&*payload));
                this.signs.vital().panic = Some(Box::new(panic));
                this.end(true);
            }
        }
        Poll::Ready(())
    }
}

// Nothing in it is pinned: the actor's future is `Unpin`, and so is the receiver.
impl<A: Actor<Context = Context<A>>> Unpin for Life<A> {}

impl<A: Actor<Context = Context<A>>> Drop for Life<A> {
    fn drop(&mut self) {
        self.end(false);
    }
}
