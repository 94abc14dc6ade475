//! The task of one connection: reads and writes two sockets as the flows say. Decides nothing itself.

use std::{future::pending, io, net::SocketAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use edgebind_kernel::clock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::TcpStream,
    sync::watch,
    task::consume_budget,
    time::{Duration, sleep_until, timeout},
};

use super::{
    Admission, Cut, Faults, WayFaults,
    connection::Connection,
    flow::{Flow, Step},
};

/// How a connection ended, for the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Both sides had ended it, or one had reset it.
    BySides,
    /// It was cut by a fault.
    ByFault,
    /// Nobody answered at the target.
    NoTarget,
}

/// Carries a connection from its beginning to its end.
pub(super) async fn carry(
    connection: Arc<Connection>,
    mut client: TcpStream,
    target: SocketAddr,
    faults: watch::Receiver<Faults>,
    chance: fastrand::Rng,
) -> Ended {
    let admission = faults.borrow().admission;
    match admission {
        Admission::Hang => return hang(&connection, client).await,
        Admission::Reset | Admission::Refuse => {
            reset(&client);
            return Ended::ByFault;
        }
        Admission::Forward => {}
    }
    let dialed = tokio::select! {
        biased;
        cut = connection.cut() => {
            end(&mut [&mut client], cut).await;
            return Ended::ByFault;
        }
        dialed = timeout(DIAL, TcpStream::connect(target)) => dialed,
    };
    let Ok(Ok(mut server)) = dialed else {
        reset(&client);
        return Ended::NoTarget;
    };
    for socket in [&client, &server] {
        // Without it small pieces would wait for each other.
        let _ = socket.set_nodelay(true);
    }
    let mut pump = Pump { connection, faults, chance, buffer: vec![0; READ_BYTES] };
    let (cut, ended) = pump.run(&mut client, &mut server).await;
    if let Some(cut) = cut {
        end(&mut [&mut client, &mut server], cut).await;
    }
    ended
}

struct Pump {
    connection: Arc<Connection>,
    faults: watch::Receiver<Faults>,
    chance: fastrand::Rng,
    buffer: Vec<u8>,
}

/// What a direction waits for.
#[derive(Debug, Default)]
struct Need {
    read: bool,
    write: bool,
    at: Option<Instant>,
    /// Its end has to be shown to the receiver.
    finish: bool,
}

/// Why a direction cannot go on.
enum Halt {
    Fault(Cut),
    Socket,
}

impl Pump {
    /// Runs until the connection is over; says how its sockets are to be ended, if they are not.
    async fn run(&mut self, client: &mut TcpStream, server: &mut TcpStream) -> (Option<Cut>, Ended) {
        loop {
            consume_budget().await;
            let (up, down) = match self.turn(client, server) {
                Ok(needs) => needs,
                Err(Halt::Fault(cut)) => return (Some(cut), Ended::ByFault),
                // What one side sees, the other sees, too.
                Err(Halt::Socket) => return (Some(Cut::Reset), Ended::BySides),
            };
            for (need, socket) in [(&up, &mut *server), (&down, &mut *client)] {
                if need.finish {
                    let _ = socket.shutdown().await;
                }
            }
            if self.is_over() {
                return (None, Ended::BySides);
            }
            if up.finish || down.finish {
                continue;
            }
            let at = [up.at, down.at].into_iter().flatten().min();
            tokio::select! {
                () = ready(client, up.read, down.write) => {}
                () = ready(server, down.read, up.write) => {}
                () = until(at) => {}
                () = self.connection.changed() => {}
                changed = self.faults.changed() => {
                    if changed.is_err() {
                        return (Some(Cut::Reset), Ended::ByFault);
                    }
                }
            }
        }
    }

    /// Moves what can be moved without waiting.
    fn turn(&mut self, client: &TcpStream, server: &TcpStream) -> Result<(Need, Need), Halt> {
        let faults = *self.faults.borrow_and_update();
        let mut course = self.connection.course();
        if let Some(cut) = course.cut {
            return Err(Halt::Fault(cut));
        }
        let Self { buffer, chance, .. } = self;
        let mut advance = |flow: &mut Flow, from, to, way: &WayFaults| {
            read(flow, from, way, &faults, buffer, chance)?;
            write(flow, to, way)
        };
        let up = advance(&mut course.up, client, server, &faults.up)?;
        let down = advance(&mut course.down, server, client, &faults.down)?;
        Ok((up, down))
    }

    fn is_over(&self) -> bool {
        let course = self.connection.course();
        course.up.is_finished() && course.down.is_finished()
    }
}

fn read(
    flow: &mut Flow,
    from: &TcpStream,
    way: &WayFaults,
    faults: &Faults,
    buffer: &mut [u8],
    chance: &mut fastrand::Rng,
) -> Result<(), Halt> {
    if !flow.wants(way) {
        return Ok(());
    }
    match from.try_read(buffer) {
        Ok(0) => flow.ended(clock::now(), way, faults.close_delay),
        Ok(n) => {
            let bytes = Bytes::copy_from_slice(buffer.get(..n).unwrap_or_default());
            flow.arrived(clock::now(), bytes, way, chance.f64());
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Err(_) => return Err(Halt::Socket),
    }
    Ok(())
}

fn write(flow: &mut Flow, to: &TcpStream, way: &WayFaults) -> Result<Need, Halt> {
    let mut need = Need::default();
    loop {
        let now = clock::now();
        match flow.step(now, way) {
            Step::Write(most) => match to.try_write(flow.front().get(..most).unwrap_or_default()) {
                Ok(n) => flow.written(now, n, way),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    need.write = true;
                    break;
                }
                Err(_) => return Err(Halt::Socket),
            },
            Step::Wait(at) => {
                need.at = Some(at);
                break;
            }
            Step::Idle => break,
            Step::Finish => {
                flow.finished();
                need.finish = true;
                break;
            }
            Step::Cut(cut) => return Err(Halt::Fault(cut)),
        }
    }
    need.read = flow.wants(way);
    Ok(need)
}

async fn ready(socket: &TcpStream, read: bool, write: bool) {
    let interest = match (read, write) {
        (true, true) => Interest::READABLE | Interest::WRITABLE,
        (true, false) => Interest::READABLE,
        (false, true) => Interest::WRITABLE,
        (false, false) => return pending().await,
    };
    // An error shows itself at the next read or write.
    let _ = socket.ready(interest).await;
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => pending().await,
    }
}

/// Takes everything and says nothing, until the other side gives up or the end is ordered.
async fn hang(connection: &Connection, mut client: TcpStream) -> Ended {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        tokio::select! {
            cut = connection.cut() => {
                end(&mut [&mut client], cut).await;
                return Ended::ByFault;
            }
            read = client.read(&mut buffer) => {
                if matches!(read, Ok(0) | Err(_)) {
                    return Ended::BySides;
                }
            }
        }
    }
}

async fn end(sockets: &mut [&mut TcpStream], cut: Cut) {
    match cut {
        Cut::Reset => sockets.iter().for_each(|socket| reset(socket)),
        Cut::Finish => {
            for socket in &mut *sockets {
                let _ = socket.shutdown().await;
            }
            // What is still sent is taken: closing a socket with unread bytes would reset it.
            let mut buffer = vec![0; READ_BYTES];
            let rest = async {
                for socket in sockets {
                    while matches!(socket.read(&mut buffer).await, Ok(1..)) {}
                }
            };
            let _ = timeout(FAREWELL, rest).await;
        }
    }
}

/// Makes the drop of a socket a reset.
fn reset(socket: &TcpStream) {
    let _ = socket.set_zero_linger();
}

/// Wait for the target to take a connection.
const DIAL: Duration = Duration::from_secs(10);
/// Wait for both sides to end a connection that was finished in good order.
const FAREWELL: Duration = Duration::from_secs(2);
const READ_BYTES: usize = 16 << 10;
