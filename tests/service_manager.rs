//! Gateway and script resource under a service manager: each says when it is ready, how it stands, that it lives and that it stops. A socket
//! of the test stands in for systemd's.
#![cfg(all(unix, feature = "dev"))]

#[path = "support/all.rs"]
mod support;

use std::{os::unix::net::UnixDatagram, path::Path, time::Duration};

use support::{Process, Scripts, Site, remote_thing, wait_until};

/// The service manager's end of the notification socket.
struct Manager {
    socket: UnixDatagram,
    path: String,
    heard: String,
}

impl Manager {
    fn new(folder: &Path) -> Self {
        let path = folder.join("notify.sock");
        let socket = UnixDatagram::bind(&path).expect("a socket in the folder of the test");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a time");
        Self { socket, path: path.to_str().expect("text").to_owned(), heard: String::new() }
    }

    /// Waits until a message holds `line`, alone or with others; everything heard before is forgotten.
    fn hears(&mut self, line: &str) {
        self.heard.clear();
        let (socket, heard) = (&self.socket, &mut self.heard);
        wait_until(&format!("{line:?} for the service manager"), || {
            let mut message = [0_u8; 4096];
            // Nothing within the time is nothing yet.
            if let Ok(length) = socket.recv(&mut message) {
                heard.push_str(&String::from_utf8_lossy(message.get(..length).unwrap_or_default()));
                heard.push('\n');
            }
            heard.lines().any(|said| said == line).then_some(())
        });
    }

    /// Two seconds: fed every second.
    fn environment(&self) -> [(&str, &str); 2] {
        [("NOTIFY_SOCKET", &self.path), ("WATCHDOG_USEC", "2000000")]
    }

    fn gateway(&self, site: &Site) -> Process {
        site.gateway_in(&self.environment())
    }

    /// Fails the test if something comes although twice the watchdog's time goes by; what was sent before is read to
    /// the end.
    fn hears_nothing(&self) {
        let silent = (0..40).filter(|_| self.socket.recv(&mut [0_u8; 4096]).is_err()).count();
        assert!(silent >= 30, "a process that stands still has said something {} times", 40 - silent);
    }
}

#[test]
fn a_service_manager_is_told_ready_how_it_stands_that_it_lives_and_that_it_stops() {
    let site = Site::new([remote_thing("Pump")]);
    let mut manager = Manager::new(site.folder());
    let mut gateway = manager.gateway(&site);
    manager.hears("READY=1");
    assert!(manager.heard.contains("STATUS="), "{}", manager.heard);
    manager.hears("WATCHDOG=1");
    let _platform = site.platform();
    let _agent = site.agents(&["--name", "Pump"]);
    site.rest().connected("Pump", true);
    manager.hears(&format!("STATUS=localhost:{} online, 2 of 2 things bound", site.platform_port));
    assert!(gateway.terminate().success());
    manager.hears("STOPPING=1");
}

#[test]
fn a_gateway_that_hangs_is_not_said_to_live() {
    let site = Site::new([remote_thing("Pump")]);
    let mut manager = Manager::new(site.folder());
    let gateway = manager.gateway(&site);
    manager.hears("WATCHDOG=1");
    gateway.signal("-STOP");
    manager.hears_nothing();
    gateway.signal("-CONT");
    manager.hears("WATCHDOG=1");
}

#[test]
fn a_script_resource_says_ready_how_its_scripts_stand_that_it_lives_and_that_it_stops() {
    let scripts =
        Scripts::new("scripts.keeper = { file = 'keeper.lua' }\nscripts.done = { file = 'done.lua' }");
    scripts.file("custom/scripts/keeper.lua", "while p_data.run do tw_utils.psleep(600000) end");
    scripts.file("custom/scripts/done.lua", "return 1");
    let mut manager = Manager::new(scripts.folder());
    let mut resource = scripts.start_in(&manager.environment());
    manager.hears("READY=1");
    assert!(manager.heard.contains("STATUS="), "{}", manager.heard);
    manager.hears("WATCHDOG=1");
    manager.hears("STATUS=1 of 2 scripts running");
    assert!(resource.terminate().success());
    manager.hears("STOPPING=1");
}

#[test]
fn a_script_that_computes_for_ever_does_not_end_its_resource_and_a_process_that_hangs_is_not_said_to_live() {
    let scripts = Scripts::new("scripts.busy = { file = 'busy.lua' }");
    scripts.file("custom/scripts/busy.lua", "while p_data.run do end");
    let mut manager = Manager::new(scripts.folder());
    let resource = scripts.start_in(&manager.environment());
    let address = scripts.address(&resource);
    scripts.phase(&address, "busy", "Running");
    manager.hears("WATCHDOG=1");
    manager.hears("WATCHDOG=1");
    resource.signal("-STOP");
    manager.hears_nothing();
    resource.signal("-CONT");
    manager.hears("WATCHDOG=1");
}
