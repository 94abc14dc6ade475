//! Hands a request of the platform to the thing that it names.

use actix::prelude::*;
use edgebind_alwayson::{Code, EntityType, InboundId, Request, Response};
use edgebind_observability::trace;

use super::Link;
use crate::{
    local,
    reply::Reply,
    things::{Serve, kind_of},
};

impl Link {
    pub(super) fn dispatch(&mut self, id: InboundId, mut request: Request, ctx: &mut Context<Self>) {
        let Some(connection) = &self.connection else { return };
        let kind = kind_of(&request);
        let span = trace::span_platform_receive(kind.as_str(), &request.entity, &request.name);
        let reply = Reply::new(ctx.address(), connection.number, id, kind, span);
        if request.entity_type == EntityType::THINGS && request.entity == local::NAME {
            let units = self.units.clone();
            actix_rt::spawn(async move { reply.answer(local::serve(&units, request).await) });
            return;
        }
        if let Some(thing) = self.units.things.resolve(request.entity.as_str()) {
            // A full mailbox answers by the reply's drop: the thing is overloaded, the others are not.
            thing.try_send(Serve { request, reply }).unwrap_or_default();
            return;
        }
        if let Some(bound) = self.units.registry.bound_name(&request.entity) {
            // The agent knows itself by its identifier only (protocol notes, section 7.3).
            request.entity = bound.to_string();
            if let Some(thing) = self.units.things.resolve(bound.as_str()) {
                thing.try_send(Serve { request, reply }).unwrap_or_default();
                return;
            }
        }
        match self.units.registry.find(&request.entity) {
            // Its BIND was refused or is being tried again; whoever asks knows it, so it is served (EMS notes, 10.7).
            Some(registration) if request.entity_type == EntityType::THINGS => {
                crate::things::serve(&self.units, &registration, request, reply);
            }
            _ => reply.answer(Response::error(
                Code::NOT_FOUND,
                format!("{} {:?} is not behind this gateway", singular(request.entity_type), request.entity),
            )),
        }
    }
}

fn singular(entity_type: EntityType) -> String {
    format!("{entity_type:?}").trim_end_matches('s').to_owned()
}
