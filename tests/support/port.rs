//! Ports that nobody uses, for what has to be known before a process is started.

use std::{collections::BTreeSet, net::TcpStream, sync::Mutex};

use super::wait::wait_until;

/// A free port of the loopback address, given out once in this process.
///
/// It lies below the ports that systems give to outgoing connections, so that it is still free when it is used. It is
/// not tried by listening: a child that is being started at that moment would hold the port for a little longer.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    wait_until("a free port", || {
        let port = fastrand::u16(10_000..32_000);
        let free = TcpStream::connect(("127.0.0.1", port)).is_err();
        (free && GIVEN.lock().expect("nobody panics with it in hand").insert(port)).then_some(port)
    })
}
