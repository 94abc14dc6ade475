//! Frames that wait to be written.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Frame;

/// Frames in the order of writing: pong and ping overtake data, Close comes last.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Only the answer to the latest ping is owed (RFC 6455, section 5.5.3).
    pong: Option<Bytes>,
    ping: Option<Bytes>,
    data: VecDeque<Bytes>,
    data_bytes: usize,
    close: Option<(u16, String)>,
}

impl Outbox {
    pub(super) fn push(&mut self, message: Bytes) {
        self.data_bytes += message.len();
        self.data.push_back(message);
    }

    pub(super) fn ping(&mut self, payload: Bytes) {
        self.ping = Some(payload);
    }

    pub(super) fn pong(&mut self, payload: Bytes) {
        self.pong = Some(payload);
    }

    /// Puts Close behind everything; a second one changes nothing.
    pub(super) fn close(&mut self, code: u16, text: &str) {
        let mut end = text.len().min(LONGEST_TEXT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.close.get_or_insert_with(|| (code, text.get(..end).unwrap_or_default().to_owned()));
    }

    /// Drops what waits: the peer does not read, or will not act on it.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn pop(&mut self) -> Option<Frame> {
        if let Some(payload) = self.pong.take() {
            return Some(Frame::Pong(payload));
        }
        if let Some(payload) = self.ping.take() {
            return Some(Frame::Ping(payload));
        }
        if let Some(message) = self.data.pop_front() {
            self.data_bytes -= message.len();
            return Some(Frame::Binary(message));
        }
        self.close.take().map(|(code, text)| Frame::Close { code, text })
    }

    /// Bytes of data that wait.
    pub(super) const fn queued_bytes(&self) -> usize {
        self.data_bytes
    }
}

/// Room for text in a control frame (RFC 6455, section 5.5).
const LONGEST_TEXT: usize = 123;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_frames_overtake_data_and_close_comes_last() {
        let mut outbox = Outbox::default();
        outbox.close(1000, "Normal Close");
        outbox.push(Bytes::from_static(b"data"));
        outbox.ping(Bytes::from_static(b"1"));
        outbox.pong(Bytes::from_static(b"old"));
        outbox.pong(Bytes::from_static(b"new"));
        assert_eq!(outbox.queued_bytes(), 4);
        let frames: Vec<_> = std::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(
            frames,
            [
                Frame::Pong(Bytes::from_static(b"new")),
                Frame::Ping(Bytes::from_static(b"1")),
                Frame::Binary(Bytes::from_static(b"data")),
                Frame::Close { code: 1000, text: "Normal Close".to_owned() },
            ]
        );
        assert_eq!(outbox.queued_bytes(), 0);
    }

    #[test]
    fn a_long_close_text_is_cut_between_characters() {
        let mut outbox = Outbox::default();
        outbox.close(1000, &"€".repeat(50));
        assert_eq!(outbox.pop(), Some(Frame::Close { code: 1000, text: "€".repeat(41) }));
    }
}
