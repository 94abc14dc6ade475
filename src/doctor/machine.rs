//! The machine: its clock, the descriptors it grants, the disk below the state directory.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use edgebind_kernel::clock;
use edgebind_observability::log::Utc;

use super::{Finding, Patient};

/// A clock before this release was made is wrong, and every certificate is "not yet valid".
pub(super) fn clock() -> Finding {
    let now = clock::wall();
    let Utc { year, month, day, hour, minute, second, .. } = Utc::of(now);
    let shown = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC");
    if now < UNIX_EPOCH + RELEASED {
        Finding::failure(
            "CLOCK",
            format!("the clock says {shown}: before this version was made"),
            "set the clock, by NTP or a battery: certificates are refused and times of values are wrong until then",
        )
    } else if now > SystemTime::UNIX_EPOCH + RELEASED + TWENTY_YEARS {
        Finding::warning(
            "CLOCK",
            format!("the clock says {shown}"),
            "set the clock: that is twenty years from now",
        )
    } else {
        Finding::fine("CLOCK", shown)
    }
}

/// Each agent, caller and kept connection is a descriptor.
pub(super) fn descriptors(patient: &Patient<'_>) -> Finding {
    let pid = patient.running.as_ref().and_then(|running| running.status.get("pid")?.as_u64());
    let process = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
    let Some(most) = open_files_limit(&process) else {
        return Finding::skipped("DESCRIPTORS", format!("the limits of process {process} cannot be read"));
    };
    let endpoints = patient.loaded.config.auto_bind.len().max(registered(patient));
    let wanted = 256 + 3 * u64::try_from(endpoints).unwrap_or(u64::MAX / 4);
    let used =
        fs::read_dir(format!("/proc/{process}/fd")).map(Iterator::count).ok().filter(|_| pid.is_some());
    let used = used.map_or_else(String::new, |used| format!(", {used} used by the gateway"));
    let found = format!("{most} open files allowed{used}; {endpoints} things want about {wanted}");
    if most < wanted {
        let advice = "raise the limit: LimitNOFILE= in the unit, or ulimit -n before the start";
        Finding::warning("DESCRIPTORS", found, advice)
    } else {
        Finding::fine("DESCRIPTORS", found)
    }
}

/// Whether the state directory takes files, and how long the disk takes to make one safe: each 202 waits for that.
pub(super) fn disk(patient: &Patient<'_>) -> Vec<Finding> {
    let Some(folder) = patient.state_dir else {
        return vec![Finding::failure(
            "STATE-DIR",
            "there is no place for the state directory",
            "name one by --state-dir or edgebind.state_dir",
        )];
    };
    if !folder.is_dir() {
        return vec![Finding::skipped(
            "STATE-DIR",
            format!("{} is made at the first start", folder.display()),
        )];
    }
    match sync_time(folder) {
        Ok(time) => {
            let found =
                format!("{} takes {:.1} ms to make a write safe", folder.display(), time.as_secs_f64() * 1e3);
            vec![if time > SLOW_DISK {
                let advice = "expect 202 answers to take that long while the platform is away; a disk with a \
                              power-safe cache, or an SD card made for endurance, is faster";
                Finding::warning("DISK-SYNC", found, advice)
            } else {
                Finding::fine("DISK-SYNC", found)
            }]
        }
        Err(error) => vec![Finding::failure(
            "STATE-DIR",
            format!("{} takes no file: {error}", folder.display()),
            "make room, or let the user of the gateway write there: nothing can be kept for a platform that is away",
        )],
    }
}

/// The median of a few small writes.
fn sync_time(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(".doctor");
    let written = (|| {
        let mut file = File::create(&path)?;
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let begin = clock::now();
            file.write_all(&[0; 4096])?;
            file.sync_data()?;
            times.push(clock::now().duration_since(begin));
        }
        times.sort_unstable();
        Ok(times.get(ROUNDS / 2).copied().unwrap_or_default())
    })();
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => written,
    }
}

/// The soft limit of open files of a process.
fn open_files_limit(process: &str) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

fn registered(patient: &Patient<'_>) -> usize {
    let total =
        patient.running.as_ref().and_then(|running| running.status.pointer("/things/total")?.as_u64());
    total.and_then(|total| usize::try_from(total).ok()).unwrap_or_default()
}

/// 2026-01-01: no machine with this version has an earlier time.
const RELEASED: Duration = Duration::from_secs(1_767_225_600);
const TWENTY_YEARS: Duration = Duration::from_secs(20 * 365 * 86_400);
/// Senders notice from here on.
const SLOW_DISK: Duration = Duration::from_millis(50);
const ROUNDS: usize = 9;
