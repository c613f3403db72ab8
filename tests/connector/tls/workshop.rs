//! Certificates and keys that the openssl program makes, where those of the harness are too well made.

use std::fs;
use std::process::Command;

use mqtt_connector_tests::Mosquitto;
use tempfile::TempDir;

/// A directory with what openssl made in it, by file names.
pub(super) struct Workshop {
    directory: TempDir,
}

impl Workshop {
    pub(super) fn new() -> Self {
        Self { directory: TempDir::with_prefix("workshop-").unwrap() }
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    pub(super) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// Runs openssl in the directory, with arguments that have no space in them.
    #[track_caller]
    pub(super) fn openssl(&self, arguments: &str) -> Vec<u8> {
        let mut command = Command::new("openssl");
        let output = command.args(arguments.split(' ')).current_dir(self.directory.path()).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// A key of this kind (`EC P-256`, `RSA 2048`, `ED25519`) in `{name}.key`.
    #[track_caller]
    pub(super) fn key(&self, name: &str, kind: &str) {
        let kind = match kind.split_once(' ') {
            Some(("EC", curve)) => format!("EC -pkeyopt ec_paramgen_curve:{curve}"),
            Some(("RSA", bits)) => format!("RSA -pkeyopt rsa_keygen_bits:{bits}"),
            _ => kind.to_owned(),
        };
        self.openssl(&format!("genpkey -quiet -algorithm {kind} -out {name}.key"));
    }

    /// An authority in `{name}.crt` and `{name}.key`, with `more` arguments of `openssl req`.
    #[track_caller]
    pub(super) fn authority(&self, name: &str, kind: &str, more: &str) {
        self.key(name, kind);
        let more = if more.is_empty() { String::new() } else { format!(" {more}") };
        self.openssl(&format!("req -x509 -days 30 -subj /CN={name} -key {name}.key -out {name}.crt{more}"));
    }

    /// A certificate in `{name}.crt` for a key of `kind` in `{name}.key`, issued by `authority`; without extensions it is of
    /// X.509 version 1.
    #[track_caller]
    pub(super) fn issue(&self, name: &str, kind: &str, authority: &str, extensions: &str, more: &str) {
        self.key(name, kind);
        self.openssl(&format!("req -new -subj /CN={name} -key {name}.key -out {name}.csr"));
        let mut arguments = format!(
            "x509 -req -days 30 -in {name}.csr -CA {authority}.crt -CAkey {authority}.key -CAcreateserial -out {name}.crt"
        );
        if !extensions.is_empty() {
            self.write("extensions", extensions);
            arguments.push_str(" -extfile extensions");
        }
        if !more.is_empty() {
            arguments = format!("{arguments} {more}");
        }
        self.openssl(&arguments);
    }

    /// A mosquitto that shows `{name}.crt`.
    #[track_caller]
    pub(super) fn mosquitto(&self, name: &str) -> Mosquitto {
        Mosquitto::builder()
            .config(&format!("certfile {}", self.path(&format!("{name}.crt"))))
            .config(&format!("keyfile {}", self.path(&format!("{name}.key"))))
            .start()
    }
}
