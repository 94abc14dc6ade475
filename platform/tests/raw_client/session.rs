//! An edge of raw bytes: a socket and the numbers it has seen.

use crate::{
    pattern::{Known, vector},
    socket::{Mask, Socket},
    stage::Stage,
};

pub(crate) struct Edge {
    pub(crate) socket: Socket,
    pub(crate) known: Known,
}

impl Edge {
    pub(crate) fn connect(stage: &Stage) -> Self {
        Self::connect_with(stage, 8192, Mask::Zero)
    }

    pub(crate) fn connect_with(stage: &Stage, limit: usize, mask: Mask) -> Self {
        Self { socket: Socket::connect(stage.address, limit, mask), known: Known::default() }
    }

    /// An edge whose AUTH was accepted.
    pub(crate) fn authenticated(stage: &Stage) -> Self {
        let mut edge = Self::connect(stage);
        edge.authenticate();
        edge
    }

    pub(crate) fn authenticate(&mut self) {
        self.socket.send(&vector("auth_appkey"));
        self.expect("01 40 00000001 00000000 {session} 00  00 FF");
        // Neither of the two that mean "none" (section 3.2).
        assert!(![0, u32::MAX].contains(&self.known.number("session")));
    }

    /// Binds `SteamSensor` by the vector and answers the notification that follows.
    pub(crate) fn bound(stage: &Stage) -> Self {
        let mut edge = Self::authenticated(stage);
        edge.send_vector("bind_one");
        edge.expect("01 40 00000003 00000000 {session} 00  00 FF");
        edge.expect(
            "01 03 {notification} 00000000 {session} 00  0A 0B 'SteamSensor' 02 14 'NotifyPropertyUpdate' 00 FF",
        );
        edge.send("01 40 {notification} 00000000 {session} 00  00 FF");
        edge
    }

    pub(crate) fn send(&mut self, pattern: &str) {
        let bytes = self.known.bytes(pattern);
        self.socket.send(&bytes);
    }

    pub(crate) fn expect(&mut self, pattern: &str) {
        let message = self.socket.message();
        self.known.assert(pattern, &message);
    }

    /// Sends a vector with this connection's session id in place of the vector's.
    pub(crate) fn send_vector(&mut self, name: &str) {
        let bytes = self.of_session(name);
        self.socket.send(&bytes);
    }

    /// Sends the vector of a response as the answer to the request of this name.
    pub(crate) fn answer_vector(&mut self, request: &str, name: &str) {
        let mut bytes = self.of_session(name);
        bytes[2..6].copy_from_slice(&self.known.number(request).to_be_bytes());
        self.socket.send(&bytes);
    }

    pub(crate) fn of_session(&self, name: &str) -> Vec<u8> {
        let mut bytes = vector(name);
        bytes[10..14].copy_from_slice(&self.known.number("session").to_be_bytes());
        bytes
    }
}
