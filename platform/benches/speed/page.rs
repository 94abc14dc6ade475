//! The live socket, as the page uses it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use crate::{figures::now, http::head, stage::KEY};

pub(crate) struct Page(TcpStream);

impl Page {
    /// A page that shows `thing`.
    pub(crate) fn open(address: SocketAddr, thing: &str) -> Self {
        let mut tcp = TcpStream::connect(address).unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let upgrade = format!(
            "GET /live?appKey={KEY} HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nHost: localhost\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        tcp.write_all(upgrade.as_bytes()).unwrap();
        assert!(head(&mut tcp).starts_with("HTTP/1.1 101"));
        let mut page = Self(tcp);
        page.say(&format!("{{\"watch\":[\"{thing}\"]}}"));
        page
    }

    /// The next text, which is answered as the page does; a text may come in several frames.
    pub(crate) fn text(&mut self) -> String {
        let mut text = Vec::new();
        loop {
            let (is_last, opcode, payload) = self.frame();
            match opcode {
                0 | 1 => text.extend(payload),
                9 => continue,
                other => panic!("opcode {other}: {}", String::from_utf8_lossy(&payload)),
            }
            if is_last {
                self.say("ok");
                return String::from_utf8(text).unwrap();
            }
        }
    }

    /// The next text that comes before `deadline`.
    pub(crate) fn text_until(&mut self, deadline: Instant) -> Option<String> {
        let left = deadline.saturating_duration_since(now()).max(Duration::from_millis(1));
        self.0.set_read_timeout(Some(left)).unwrap();
        let is_there = matches!(self.0.peek(&mut [0]), Ok(1..));
        self.0.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        (is_there && now() < deadline).then(|| self.text())
    }

    fn frame(&mut self) -> (bool, u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        let mut long = |bytes: usize| {
            let mut length = [0; 8];
            self.0.read_exact(&mut length[8 - bytes..]).unwrap();
            usize::try_from(u64::from_be_bytes(length)).unwrap()
        };
        let length = match head[1] {
            126 => long(2),
            127 => long(8),
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).unwrap();
        (head[0] & 0x80 != 0, head[0] & 0x0F, payload)
    }

    fn say(&mut self, text: &str) {
        let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
        frame.extend(text.as_bytes());
        self.0.write_all(&frame).unwrap();
    }
}
