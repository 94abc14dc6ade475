//! Servers of Debian beside ours, each with its files in the folder of the test.

use std::{
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

use super::wait::wait_until;

/// A running server; it ends with the test.
pub(crate) struct Server(Child);

impl Server {
    /// Starts nginx with `server`, the inside of a `server` block, and waits until it listens at `port`.
    pub(crate) fn nginx(folder: &Path, port: u16, server: &str) -> Self {
        let here = folder.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|what| format!("{what}_temp_path {here}/nginx-{what};\n"))
            .concat();
        // As root, workers become another user, who cannot see the folder.
        let user = if is_root() { "user root;" } else { "" };
        let text = format!(
            "{user} daemon off; pid {here}/nginx.pid; error_log stderr error; events {{}}
            http {{ access_log off; {temporary} server {{ {server} }} }}"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, text).expect("a file in the folder of the test");
        Self::start("/usr/sbin/nginx", &["-p", &here.to_string(), "-c", &file.display().to_string()], port)
    }

    /// Starts squid with `rules` of its configuration, and waits until it listens at `port`.
    pub(crate) fn squid(folder: &Path, port: u16, rules: &str) -> Self {
        // Squid becomes another user.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder, mode).expect("a folder of ours");
        let text = format!(
            "http_port 127.0.0.1:{port}\npid_filename none\ncache_log /dev/null\naccess_log none\ncache deny all\n\
             pinger_enable off\nshutdown_lifetime 0 seconds\nvisible_hostname proxy.test\n{rules}\n"
        );
        let file = folder.join("squid.conf");
        std::fs::write(&file, text).expect("a file in the folder of the test");
        Self::start("/usr/sbin/squid", &["-N", "-f", &file.display().to_string()], port)
    }

    fn start(program: &str, arguments: &[&str], port: u16) -> Self {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; scripts/install-servers.sh installs it"));
        let mut server = Self(child);
        wait_until(&format!("{program} listens at {port}"), || {
            let ended = server.0.try_wait().expect("a child of ours");
            assert!(ended.is_none(), "{program} has ended: {ended:?}");
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // In order, so that it ends its children too.
        let asked = Command::new("kill").arg(self.0.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.starts_with(b"0")
}
