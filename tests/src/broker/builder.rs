//! The configuration of a [`Mosquitto`].

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use std::{env, fmt, fs, io};

use tempfile::TempDir;

use super::{Mosquitto, PACKAGES, Problem};
use crate::pki::{Identity, Pem};
use crate::port::free_port;
use crate::process;
use crate::server::Server;

/// What a [`Mosquitto`] is to be like; see [`Mosquitto::builder`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct MosquittoBuilder {
    users: Vec<(String, String)>,
    allow_anonymous: Option<bool>,
    acl: Option<String>,
    server: Option<Identity>,
    client_authority: Option<Pem>,
    identity_as_username: bool,
    persistence: bool,
    saved_in_order: bool,
    quiet_log: bool,
    as_it_comes: bool,
    extra: Vec<String>,
}

impl MosquittoBuilder {
    /// Lets `user` in with `password`; may be called for several users. Without any, everybody is let in.
    pub fn password(mut self, user: &str, password: &str) -> Self {
        self.users.push((user.to_owned(), password.to_owned()));
        self
    }

    /// Says whether clients without a user name are let in. Otherwise they are when there is no
    /// [`password`](Self::password).
    pub fn allow_anonymous(mut self, allow: bool) -> Self {
        self.allow_anonymous = Some(allow);
        self
    }

    /// Limits topics with the text of an ACL file, such as `"user alice\ntopic write in/#\n"`.
    ///
    /// mosquitto acknowledges a denied publish of a MQTT 3.1.1 client all the same (that version has no way to
    /// refuse it) and does not deliver it; a MQTT 5 client gets reason code 135.
    pub fn acl(mut self, text: &str) -> Self {
        self.acl = Some(text.to_owned());
        self
    }

    /// Listens with TLS, as `server`.
    pub fn tls(mut self, server: &Identity) -> Self {
        self.server = Some(server.clone());
        self
    }

    /// Listens with TLS, as `server`, and demands a client certificate that `authority` issued.
    pub fn mutual_tls(mut self, server: &Identity, authority: &Pem) -> Self {
        self.client_authority = Some(authority.clone());
        self.tls(server)
    }

    /// Takes the common name of the client's certificate for its user name (with [`mutual_tls`](Self::mutual_tls)).
    pub fn identity_as_username(mut self) -> Self {
        self.identity_as_username = true;
        self
    }

    /// Keeps sessions and retained messages on disk, saved after every change, so that they outlive
    /// [`Mosquitto::restart`] and mostly [`Mosquitto::kill`]; see [`Mosquitto::save`] to be certain.
    pub fn persistence(mut self) -> Self {
        self.persistence = true;
        self
    }

    /// As [`persistence`](Self::persistence), but saved only by [`Mosquitto::stop`], [`Mosquitto::restart`] and
    /// [`Mosquitto::save`]: for many thousand messages, which it would take too long to save after every change.
    pub fn persistence_when_stopped(mut self) -> Self {
        self.saved_in_order = true;
        self.persistence()
    }

    /// Logs neither messages nor connections: for many thousand of them.
    pub fn quiet_log(mut self) -> Self {
        self.quiet_log = true;
        self
    }

    /// Leaves delays and limits as mosquitto has them when nobody configures any: it waits for more to send
    /// (`set_tcp_nodelay false`), and has 20 messages in flight to a client and 1,000 in its queue. For measurements;
    /// [`config`](Self::config) sets one of them again.
    pub fn as_it_comes(mut self) -> Self {
        self.as_it_comes = true;
        self
    }

    /// Adds a line to `mosquitto.conf`, such as `"max_packet_size 1000"`.
    pub fn config(mut self, line: &str) -> Self {
        self.extra.push(line.to_owned());
        self
    }

    /// Starts it, and returns when it serves.
    ///
    /// # Panics
    ///
    /// If there is no mosquitto (`$MOSQUITTO`, then `$PATH`, then `/usr/sbin`), or it does not start; the message holds
    /// what it logged.
    #[track_caller]
    #[must_use]
    pub fn start(&self) -> Mosquitto {
        let program = match env::var_os("MOSQUITTO") {
            Some(path) => PathBuf::from(path),
            None => process::find("mosquitto", PACKAGES),
        };
        let mut last = None;
        for _ in 0..20 {
            let broker = Mosquitto {
                program: program.clone(),
                port: free_port(),
                directory: or_panic(TempDir::new(), "a directory for mosquitto"),
                server: Server::default(),
                logs_connections: !self.quiet_log,
                is_paused: AtomicBool::new(false),
            };
            self.configure(broker.directory.path(), broker.port);
            match broker.run(Duration::ZERO) {
                Ok(()) => return broker,
                Err(Problem::PortTaken) => last = Some(broker.port),
                Err(problem) => panic!("{} did not start: {problem}", program.display()),
            }
        }
        panic!("mosquitto found every port taken, last {last:?}");
    }

    #[track_caller]
    fn configure(&self, directory: &Path, port: u16) {
        let mut config = String::new();
        let mut put = |key: &str, value: &dyn fmt::Display| {
            let _ = writeln!(config, "{key} {value}");
        };
        let file = |name: &str, text: &str| {
            let path = directory.join(name);
            or_panic(fs::write(&path, text), "a file for mosquitto");
            path.display().to_string()
        };

        // Started by root, it would turn into user `mosquitto`, who may not read the directory.
        put("user", &"root");
        put("listener", &format_args!("{port} {}", Ipv4Addr::LOCALHOST));
        put("allow_anonymous", &self.allow_anonymous.unwrap_or(self.users.is_empty()));
        if !self.as_it_comes {
            put("set_tcp_nodelay", &true);
            // Without a limit (0, or 65535), 2.0.11 forgets over a restart which messages were under way: it publishes a
            // QoS 2 message again for which it has sent PUBREL.
            put("max_inflight_messages", &if self.persistence { 10_000 } else { 0 });
            put("max_queued_messages", &0);
        }
        put("log_dest", &"stderr");
        put("log_timestamp", &false);
        if !self.quiet_log {
            put("log_type", &"all");
        } else {
            // At level information it says that it runs, which is waited for.
            for kind in ["error", "warning", "notice", "information"] {
                put("log_type", &kind);
            }
            put("connection_messages", &false);
        }
        if !self.users.is_empty() {
            let path = file("passwords", "");
            for (user, password) in &self.users {
                let mut command = Command::new(process::find("mosquitto_passwd", PACKAGES));
                process::run(command.args(["-b", &path, user, password]));
            }
            put("password_file", &path);
        }
        if let Some(acl) = &self.acl {
            put("acl_file", &file("acl", acl));
        }
        if let Some(server) = &self.server {
            put("certfile", &file("server.crt", server.certificate().text()));
            put("keyfile", &file("server.key", server.key().text()));
        }
        if let Some(authority) = &self.client_authority {
            put("cafile", &file("clients.crt", authority.text()));
            put("require_certificate", &true);
            put("use_identity_as_username", &self.identity_as_username);
        }
        put("persistence", &self.persistence);
        if self.persistence {
            put("persistence_location", &format_args!("{}/", directory.display()));
            put("autosave_on_changes", &!self.saved_in_order);
            put("autosave_interval", &u8::from(!self.saved_in_order));
        }
        for line in &self.extra {
            put(line, &"");
        }
        file("mosquitto.conf", &config);
    }
}

#[track_caller]
fn or_panic<T>(result: io::Result<T>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what} could not be written: {error}"),
    }
}
