//! Nothing that the program prints holds a password, a key or content, whatever goes wrong and however much is logged.

use std::fmt::Write as _;
use std::sync::LazyLock;

use mqtt_connector_tests::pki::{Fault, Identity, KeyFormat, Pki};
use mqtt_connector_tests::port::{ClosedPort, SilentPort};
use mqtt_connector_tests::{Mosquitto, ScriptedBroker, ServerTls, Step};
use tempfile::TempDir;

use crate::support::{Output, Program, precompiled, write};

const PASSWORD: &str = "pass-5ecret-word";
const KEY_PASSWORD: &str = "key-5ecret-word";
const CONTENT: &str = "content-5ecret-text";
const WILL: &str = "will-5ecret-text";

/// A program that logs all there is to log.
fn logging<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Program {
    static COMPILED: LazyLock<(TempDir, String)> = LazyLock::new(|| {
        let directory = TempDir::new().unwrap();
        let path = write(&directory, "connector.cwasm", precompiled());
        (directory, path)
    });
    Program::new(["send", "--component", &COMPILED.1]).args(arguments).env("RUST_LOG", "trace")
}

/// What must not be printed, in each form in which it might be.
struct Secrets(Vec<String>);

impl Secrets {
    fn new(pki: &Pki, client: &Identity) -> Self {
        let mut forms = vec!["5ecret".to_owned()];
        for secret in [PASSWORD, KEY_PASSWORD, CONTENT, WILL] {
            let mut hex = String::new();
            for byte in secret.bytes() {
                let _ = write!(hex, "{byte:02x}");
            }
            let list = format!("{:?}", secret.as_bytes());
            forms.extend([hex, list.trim_matches(['[', ']']).to_owned()]);
        }
        // Of PEM text every line of base64, in the middle of which nobody else's begins.
        for pem in [client.key(), client.certificate(), pki.authority()] {
            forms.extend(
                pem.text()
                    .lines()
                    .filter(|line| !line.starts_with("-----"))
                    .map(|line| line[..16].to_owned()),
            );
        }
        Self(forms)
    }

    #[track_caller]
    fn are_not_in(&self, output: &Output) {
        for secret in &self.0 {
            assert!(
                !output.stdout.contains(secret) && !output.stderr.contains(secret),
                "{secret:?} is in {output:#?}"
            );
        }
    }
}

/// A send with every secret there is, as flags and in the environment, with all that can be logged.
fn program(broker: &str, pki: &Pki, client: &Identity, key_password: &str) -> Program {
    let will = format!(r#"{{"topic": "w", "content": "{WILL}"}}"#);
    logging(["--broker", broker, "--client-id", "sender", "--topic", "t", "--content", CONTENT])
        .args(["--retries", "1", "--timeout", "1500", "--qos", "1", "--username", "ann", "--will", &will])
        .args(["--use-certificate", "--certificate", client.certificate().text()])
        .args(["--private-key", client.key().text(), "--private-key-password", key_password])
        .args(["--root-ca-crt", pki.authority().text()])
        .env("MQTT_PASSWORD", PASSWORD)
}

#[test]
fn logs_and_messages_of_sends_hold_no_secret() {
    let pki = Pki::new();
    let client = pki.client("thing", KeyFormat::EncryptedPkcs8(KEY_PASSWORD));
    let secrets = Secrets::new(&pki, &client);
    let server = pki.server(&["127.0.0.1"]);
    let open = Mosquitto::builder().mutual_tls(&server, pki.authority()).start();
    let refusing =
        Mosquitto::builder().password("ann", "another").mutual_tls(&server, pki.authority()).start();
    let unknown =
        Mosquitto::builder().tls(&pki.faulty_server(Fault::UnknownAuthority, &["127.0.0.1"])).start();
    let lost = ScriptedBroker::builder()
        .tls(ServerTls::new(&server))
        .further_connections([Step::receive(20), Step::reset()])
        .start();
    let (closed, silent) = (ClosedPort::open(), SilentPort::open());
    for (address, key_password, exit_code) in [
        (open.address(), KEY_PASSWORD, 0),
        (refusing.address(), KEY_PASSWORD, 5),
        (open.address(), "wrong-5ecret", 66),
        (unknown.address(), KEY_PASSWORD, 78),
        (lost.address(), KEY_PASSWORD, 74),
        (closed.address(), KEY_PASSWORD, 69),
        (silent.address(), KEY_PASSWORD, 75),
    ] {
        let output = program(&format!("ssl://{address}"), &pki, &client, key_password).run();
        assert_eq!(output.status, Some(exit_code), "{output:#?}");
        assert!(output.stderr.contains("TRACE"), "nothing was logged: {output:#?}");
        secrets.are_not_in(&output);
    }
    lost.finish();
}

#[test]
fn messages_about_wrong_parameters_hold_no_secret() {
    let pki = Pki::new();
    let client = pki.client("thing", KeyFormat::Pkcs8);
    let secrets = Secrets::new(&pki, &client);
    let directory = TempDir::new().unwrap();
    let body = client.key().text().replace("-----BEGIN PRIVATE KEY-----\n", "");
    for (document, reason) in [
        (format!(r#"{{"password": "{PASSWORD}", "content": "{CONTENT}""#), "is not JSON"),
        (format!(r#"{{"password": "{PASSWORD}\x"}}"#), "is not JSON"),
        (format!(r#""{PASSWORD}""#), "is a string"),
        (
            format!(r#"{{"password": ["{PASSWORD}"], "will": "{WILL}"}}"#),
            "password in the configuration got a list",
        ),
        (format!(r#"{{"broker": "tcp://ann:{PASSWORD}@h"}}"#), "user information"),
        (
            format!(r#"{{"content": "{CONTENT}", "content-base64": "{CONTENT}"}}"#),
            "content-base64 in the configuration",
        ),
        (
            format!(r#"{{"will": {{"topic": "w", "content-base64": "{WILL}"}}}}"#),
            "will.content-base64 in the",
        ),
        (serde_json::json!({ "private-key": body }).to_string(), "private-key in the configuration"),
        (
            format!(r#"{{"websocket-headers": {{"Authorization": "{PASSWORD}"}}, "broker": "tcp://h"}}"#),
            "websocket-headers in the",
        ),
        (
            format!(r#"{{"websocket-headers": {{"Authorization": "{PASSWORD}\n"}}, "broker": "ws://h"}}"#),
            "websocket-headers in the",
        ),
        (
            format!(r#"{{"proxy": "http://ann:{PASSWORD}@h", "proxy-password": ["{PASSWORD}"]}}"#),
            "proxy-password in the",
        ),
    ] {
        let path = write(&directory, "config.json", document);
        let output = logging(["--client-id", "sender", "--config", &path]).run();
        assert_eq!(output.status, Some(64), "{output:#?}");
        assert!(output.message().contains(reason), "{reason:?} is not in {output:#?}");
        secrets.are_not_in(&output);
    }
}

#[test]
fn messages_about_files_hold_nothing_of_them() {
    let pki = Pki::new();
    let client = pki.client("thing", KeyFormat::Pkcs8);
    let secrets = Secrets::new(&pki, &client);
    let text = client.key().text();
    let directory = TempDir::new().unwrap();
    for (name, content) in [
        ("cut off", text[..text.len() / 2].to_owned()),
        ("without its first line", text.replace("-----BEGIN PRIVATE KEY-----\n", "")),
        ("with a broken first line", text.replacen("KEY-----", "KEY", 1)),
        ("with something that is not base64", text.replacen("\nM", "\n!", 1)),
        ("encrypted, and broken", text.replace("PRIVATE", "ENCRYPTED PRIVATE")),
    ] {
        let path = write(&directory, name, content);
        let output = logging(["--broker", "ssl://127.0.0.1:1", "--client-id", "c", "--topic", "t"])
            .args([
                "--content",
                CONTENT,
                "--use-certificate",
                "--certificate",
                client.certificate().path_str(),
            ])
            .args(["--private-key", &path, "--private-key-password", KEY_PASSWORD, "--retries", "0"])
            .args(["--root-ca-crt", pki.authority().path_str()])
            .env("RUST_LOG", "trace")
            .run();
        assert_eq!(output.status, Some(66), "{name}: {output:#?}");
        assert!(output.message().contains(&format!("private-key: {path} ")), "{name}: {output:#?}");
        secrets.are_not_in(&output);
    }
}

#[test]
fn words_about_the_command_line_hold_no_secret() {
    let pki = Pki::new();
    let secrets = Secrets::new(&pki, &pki.client("thing", KeyFormat::Pkcs8));
    for flags in [
        ["--password", PASSWORD, "--unknown"],
        ["--password", PASSWORD, "--password=5ecret"],
        ["--content", CONTENT, "--content-file=x"],
        ["--private-key-password", KEY_PASSWORD, "--retain=maybe"],
        ["--qos", "1", "--passwort=5ecret"],
    ] {
        let output = Program::new(["send"]).args(flags).env("MQTT_PASSWORD", PASSWORD).run();
        assert_eq!(output.status, Some(64), "{output:#?}");
        assert!(output.message().starts_with("The command line: "), "{output:#?}");
        secrets.are_not_in(&output);
    }
}

/// A path that cannot be read is shown, so a key must not be taken for one.
#[test]
fn keys_that_are_not_whole_are_no_paths() {
    let pki = Pki::new();
    let client = pki.client("thing", KeyFormat::Pkcs8);
    let secrets = Secrets::new(&pki, &client);
    let text = client.key().text();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let cut_off =
        "private-key: the text is cut off: it is DER or PKCS#12 that announces 138 bytes, and has 48.";
    let away = "could not be reached";
    for (key, status, told) in [
        (lines.concat(), 69, away),
        (lines.join("\n"), 69, away),
        (lines.join(" "), 69, away),
        (lines.concat().split_at(64).0.to_owned(), 66, cut_off),
        (lines.concat().repeat(50), 69, away),
        (format!("\u{feff}{text}"), 69, away),
        (text.lines().collect::<String>().replacen("-----", ".-----", 1), 69, away),
        (lines.concat().split_at(63).0.to_owned(), 64, "private-key in the request got a string of 63 bytes"),
    ] {
        let output = logging(["--broker", "ssl://127.0.0.1:1", "--client-id", "c", "--topic", "t"])
            .args(["--content", CONTENT, "--use-certificate", "--private-key", &key])
            .args(["--certificate", client.certificate().path_str(), "--retries", "0"])
            .run();
        assert_eq!(output.status, Some(status), "{output:#?}");
        assert!(output.message().contains(told), "{output:#?}");
        secrets.are_not_in(&output);
    }
}
