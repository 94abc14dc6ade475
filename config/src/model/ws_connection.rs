//! Group `ws_connection` (EMS notes, 3.5). Defaults are those seen at the original, not the documented ones.

use std::time::Duration;

use serde::Deserialize;

use super::millis;

/// How the link to the platform behaves.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct WsConnection {
    /// `ssl` (default) or `none`. An unknown text counts as `ssl`, as in the original.
    pub encryption: Encryption,
    /// Whether messages are dumped into the log; default false.
    pub verbose: bool,
    /// Known and without effect: frames are always binary; default true.
    pub binary_mode: bool,
    /// Longest wait for the platform's answer; default 10000 ms; 1 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub msg_timeout: Duration,
    /// Time between pings; default 55000 ms; 1 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub ping_rate: Duration,
    /// Longest wait for a pong; default 10000 ms; 1 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub pingpong_timeout: Duration,
    /// Length of one round of the duty cycle; default 60000 ms; 1 to 86 400 000. Used when `duty_cycle` is below 100.
    #[serde(deserialize_with = "millis::deserialize")]
    pub connect_period: Duration,
    /// Part of `connect_period` the link is up, in percent; default 100: always; 1 to 100.
    pub duty_cycle: u8,
    /// Silence awaited before the duty cycle disconnects; default 50 ms; 0 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub message_idle_time: Duration,
    /// Bytes of the largest message; default 1 048 576; 1024 to 64 MiB.
    pub max_msg_size: u32,
    /// Bytes above which a message is sent in parts; default 8192; 256 to 1 MiB.
    pub message_chunk_size: u32,
    /// Bytes of the largest frame, told to the platform; default 8192; 256 to 1 MiB.
    pub max_frame_size: u32,
    /// Requests to the platform without an answer at once; default 500; 1 to 100 000.
    pub max_messages: u32,
    /// Whether a message connects the link in its off time; default false.
    pub connect_on_demand: bool,
    /// Longest wait for TCP, TLS and the upgrade; default 10000 ms; 1 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub connect_timeout: Duration,
    /// Pause before the next attempt to connect; default 5000 ms; 1 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub connect_retry_interval: Duration,
    /// Requests of the platform handled at once; default 4; 1 to 500.
    pub max_threads: u16,
    /// Longest random delay before the first attempt to connect; default 0 ms; 0 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub max_connect_delay: Duration,
    /// Known and without effect: we do not poll sockets; default 100 ms; 0 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub socket_read_timeout: Duration,
    /// Longest wait for the rest of a frame; default 10000 ms; 1 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub frame_read_timeout: Duration,
    /// Known and without effect: we do not poll TLS; default 500 ms; 0 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub ssl_read_timeout: Duration,
    /// Known and without effect: the link is retried for ever, as the original does; default -1; from -1.
    pub connect_retries: i32,
}

impl Default for WsConnection {
    fn default() -> Self {
        Self {
            encryption: Encryption::Ssl,
            verbose: false,
            binary_mode: true,
            msg_timeout: Duration::from_millis(10_000),
            ping_rate: Duration::from_millis(55_000),
            pingpong_timeout: Duration::from_millis(10_000),
            connect_period: Duration::from_millis(60_000),
            duty_cycle: 100,
            message_idle_time: Duration::from_millis(50),
            max_msg_size: 1_048_576,
            message_chunk_size: 8192,
            max_frame_size: 8192,
            max_messages: 500,
            connect_on_demand: false,
            connect_timeout: Duration::from_millis(10_000),
            connect_retry_interval: Duration::from_millis(5000),
            max_threads: 4,
            max_connect_delay: Duration::ZERO,
            socket_read_timeout: Duration::from_millis(100),
            frame_read_timeout: Duration::from_millis(10_000),
            ssl_read_timeout: Duration::from_millis(500),
            connect_retries: -1,
        }
    }
}

/// Whether the link to the platform runs in TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// TLS.
    Ssl,
    /// Plain TCP.
    None,
}
