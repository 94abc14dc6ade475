//! A kept HTTP connection to the REST interface.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::stage::KEY;

pub(crate) struct Http(TcpStream);

impl Http {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(tcp)
    }

    /// Sends a GET and reads the whole answer; returns the length of its body.
    pub(crate) fn get(&mut self, path: &str) -> usize {
        let request = format!("GET /Thingworx/{path} HTTP/1.1\r\nHost: localhost\r\nappKey: {KEY}\r\n\r\n");
        self.0.write_all(request.as_bytes()).unwrap();
        let head = head(&mut self.0);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
            .unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        length
    }
}

/// The head of an answer.
pub(crate) fn head(tcp: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        tcp.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}
