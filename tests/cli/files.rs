//! Files as people have them: with byte order marks, in other encodings, too large, and what is no file at all.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::process::Command;

use mqtt_connector::component;
use mqtt_connector_tests::pki::Pki;
use mqtt_connector_tests::{Expect, ScriptedBroker, ServerTls};
use tempfile::TempDir;

use crate::support::{Program, exchange, write};

const MARK: &str = "\u{feff}";

/// Everything that is read as text; content is not, nor are lines.
#[test]
fn byte_order_marks_are_skipped() {
    let directory = TempDir::new().unwrap();
    let password = write(&directory, "password", format!("{MARK}secret\r\n"));
    let request = write(&directory, "request.json", format!("{MARK}{{\"topic\": \"t\", \"qos\": 0}}"));
    let connect = || Expect::connect().client_id("c").username(Some("ann")).password(Some(b"secret"));
    let publish = || Expect::publish().topic("t").payload(format!("{MARK}c"));
    let broker = ScriptedBroker::builder()
        .connection(exchange(connect(), publish()))
        .connection(exchange(connect(), publish()))
        .connection(exchange(Expect::connect().client_id("c"), publish()))
        .start();
    let config = format!(r#"{{"broker": "tcp://{}", "client-id": "c", "retries": 0}}"#, broker.address());
    let file = write(&directory, "config.json", format!("{MARK}{config}"));
    let content = write(&directory, "content", format!("{MARK}c"));
    for (path, input) in [(&*file, String::new()), ("-", format!("{MARK}{config}"))] {
        Program::new(["send", "--config", path, "--request", &request, "--content-file", &content])
            .args(["--username", "ann", "--password-file", &password])
            .stdin(input)
            .run()
            .answers(0, "Sent with QoS 0 (never acknowledged) to topic \"t\" at …");
    }
    let tenants = format!(
        "{MARK}[tenants.acme]\nbrokers = [\"tcp://{0}\"]\ntopics = [\"t\"]\nconfig.broker = \"tcp://{0}\"\n\
         config.client-id = \"c\"\nconfig.retries = 0\n",
        broker.address()
    );
    let tenants = write(&directory, "tenants.toml", tenants);
    Program::new(["send", "--tenants", &tenants, "--tenant", "acme", "--request", &request])
        .args(["--content-file", &content])
        .run()
        .answers(0, "Sent with QoS 0 (never acknowledged) to topic \"t\" at …");
    let described = Program::new(["tenants", "check", &tenants]).run();
    assert!(described.stdout.starts_with("acme\n"), "{described:#?}");
    broker.finish();
}

#[test]
fn other_encodings_are_named() {
    let directory = TempDir::new().unwrap();
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let marked = write(&directory, "marked", utf_16(&format!("{MARK}{{\"qos\": 1}}")));
    let bare = write(&directory, "bare", utf_16("{\"qos\": 1}"));
    let untouched = ScriptedBroker::untouched();
    for flag in ["--config", "--request", "--password-file"] {
        for (path, encoding, why) in [
            (&marked, "UTF-16", "as its byte order mark says"),
            (&bare, "UTF-16LE", "without a byte order mark"),
        ] {
            Program::send(untouched.port())
                .args(["--topic", "t", "--content", "c", "--username", "ann", flag, path])
                .run()
                .answers(
                    66,
                    &format!(
                        "{flag} {path}: the file is {encoding} text, {why}, wants UTF-8; iconv -f {encoding} -t UTF-8 converts it."
                    ),
                );
        }
    }
    let tenants = Program::new(["tenants", "check", &marked]).run();
    tenants.fails(
        66,
        &format!("mqtt-connector: {marked}: the file is UTF-16 text, as its byte order mark says, …"),
    );
    untouched.finish();
}

#[test]
fn no_more_is_read_than_a_limit() {
    let directory = TempDir::new().unwrap();
    let untouched = ScriptedBroker::untouched();
    // Larger than they are on the disk.
    let large = |name: &str, start: &[u8], size: u64| {
        let path = directory.path().join(name);
        let mut file = File::create(&path).unwrap();
        file.write_all(start).unwrap();
        file.seek(SeekFrom::Start(size - 1)).unwrap();
        file.write_all(b"\0").unwrap();
        path.to_str().unwrap().to_owned()
    };
    let wasm = large("large.wasm", b"\0asm\x0d\0\x01\0", (16 << 20) + 1);
    let code = large("large.cwasm", b"\x7fELF", (256 << 20) + 1);
    let zero = "/dev/zero".to_owned();
    for (flag, path, exit_code, reason) in [
        ("--config", &zero, 66, "it is larger than its limit, 16 MiB"),
        ("--request", &zero, 66, "it is larger than its limit, 256 MiB"),
        (
            "--content-file",
            &zero,
            66,
            "it is larger than its limit, 268435455 bytes (the most that MQTT can carry)",
        ),
        ("--password-file", &zero, 66, "it is larger than its limit, 128 KiB"),
        ("--component", &zero, 70, "it is neither a WebAssembly component nor the output of precompile"),
        ("--component", &wasm, 70, "it is larger than its limit, 16 MiB"),
        ("--component", &code, 70, "it is larger than its limit, 256 MiB"),
    ] {
        let topic_and_user = ["--topic", "t", "--username", "ann"];
        Program::send(untouched.port())
            .args(topic_and_user)
            .args([flag, path])
            .run()
            .answers(exit_code, &format!("{flag} {path}: {reason}."));
    }
    Program::new(["send", "--tenants", &zero, "--tenant", "acme"])
        .run()
        .answers(64, "--tenants /dev/zero: it is larger than its limit, 1 MiB.");
    let tenants = Program::new(["tenants", "check", &zero]).run();
    tenants.fails(64, "mqtt-connector: /dev/zero: it is larger than its limit, 1 MiB.\n");
    for (path, reason) in [
        (&zero, "it is not a WebAssembly component"),
        (&wasm, "it is larger than its limit, 16 MiB"),
        (&code, "it is not a WebAssembly component"),
    ] {
        let output = directory.path().join("out").to_str().unwrap().to_owned();
        let run = Program::new(["precompile", path, "-o", &output]).run();
        run.fails(70, &format!("mqtt-connector: {path}: {reason}.\n"));
        assert!(!directory.path().join("out").exists());
    }
    untouched.finish();
}

#[test]
fn the_systems_authorities_are_read_within_a_limit() {
    let pki = Pki::new();
    let broker = ScriptedBroker::builder()
        .tls(ServerTls::new(&pki.server(&["127.0.0.1"])))
        .connection(exchange(Expect::connect(), Expect::publish().payload("c")))
        .start();
    let directory = TempDir::new().unwrap();
    let pipe = directory.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let address = format!("ssl://{}", broker.address());
    let program = |variable: &str, path: &str| {
        Program::new(["send", "--broker", &address, "--client-id", "c", "--topic", "t", "--content", "c"])
            .args(["--qos", "0", "--retries", "0"])
            .env("SSL_CERT_FILE", "/dev/null")
            .env("SSL_CERT_DIR", "")
            .env(variable, path)
            .run()
    };
    for (variable, path, what) in [
        ("SSL_CERT_FILE", "/dev/zero", "is larger than 16 MiB"),
        ("SSL_CERT_FILE", pipe.to_str().unwrap(), "is a pipe, and no file"),
        ("SSL_CERT_FILE", "/no/such/file", "does not exist"),
        ("SSL_CERT_DIR", "/no/such/directory", "does not exist"),
    ] {
        program(variable, path).answers(
            66,
            &format!(
                "Not sent, a certificate or key cannot be used: root-ca-crt: not given, and this system has no trust \
                 anchors of its own: what {variable} names {what}."
            ),
        );
    }
    // A directory holds other things, too.
    std::fs::copy(pki.authority().path(), directory.path().join("authority.pem")).unwrap();
    program("SSL_CERT_DIR", directory.path().to_str().unwrap())
        .answers(0, "Sent with QoS 0 (never acknowledged) to topic \"t\" at …");
    broker.finish();
}

/// A text where the path of a file should be is none, and it is not shown.
#[test]
fn what_is_no_path_is_not_shown() {
    let json = "it wants the path of a file, and got JSON text, which is not shown: it may hold a secret. A file can be \
                standard input: -";
    let text = "it wants the path of a file, and got a text that is none and is not shown: it may be a secret. A file can \
                be standard input: -";
    let password = "there is no such file. Its path is not shown: it may be the password itself, which belongs into the \
                    file or into MQTT_PASSWORD";
    for (flag, path, message) in [
        ("--config", r#"{"password": "s3cret"}"#, format!("--config: {json}.")),
        ("--request", "\n [{\"password\": \"s3cret\"}]", format!("--request: {json}.")),
        ("--config", "[s3cret]\nx = 1", format!("--config: {text}.")),
        ("--content-file", &"s3cret".repeat(1000), format!("--content-file: {text}.")),
        (
            "--content-file",
            "ssl://ann:s3cret@h",
            "--content-file: it wants the path of a file, and got a URL, which is not shown: it may hold a secret."
                .to_owned(),
        ),
        ("--password-file", "s3cret", format!("--password-file: {password}.")),
        ("--password-file", "s3/cr.et", format!("--password-file: {password}.")),
        ("--config", "", "--config: the path is empty.".to_owned()),
        (
            "--config",
            "/no/such/file\n",
            "--config /no/such/file\\n: No such file or directory (os error 2); the path ends in a line break.".to_owned(),
        ),
        (
            "--request",
            " /no/such/file",
            "--request  /no/such/file: No such file or directory (os error 2); the path begins or ends in white space."
                .to_owned(),
        ),
    ] {
        Program::new(["send", "--username", "ann", flag, path]).run().answers(66, &message);
    }
}

/// The same of the files of many messages, which are opened where their lines are read and written.
#[test]
fn what_is_no_path_of_lines_or_results_is_not_shown() {
    let json = "it wants the path of a file, and got JSON text, which is not shown: it may hold a secret. A file can be \
                standard";
    let url = "it wants the path of a file, and got a URL, which is not shown: it may hold a secret";
    let request = r#"{"content": 1, "password": "s3cret"}"#;
    for (flags, message) in [
        (&["--requests", request][..], format!("--requests: {json} input: -.")),
        (&["--lines", "ssl://ann:s3cret@h"], format!("--lines: {url}.")),
        (&["--lines-base64", ""], "--lines-base64: the path is empty.".to_owned()),
        (
            &["--lines", "/dev/null", "--results", "[{\"password\": \"s3cret/\"}]"],
            format!("--results: {json} output: -."),
        ),
        (&["--lines", "/dev/null", "--results", "wss://h/?token=s3cret"], format!("--results: {url}.")),
    ] {
        let program =
            Program::new(["send", "--broker", "tcp://127.0.0.1:1", "--client-id", "c", "--topic", "t"]);
        program.args(flags.iter().copied()).run().answers(66, &message);
    }
}

#[test]
fn a_file_may_be_a_pipe() {
    Program::new(["check", "--config", "/dev/stdin", "--content-file", "/dev/null"])
        .stdin(r#"{"broker": "tcp://h", "client-id": "c", "topic": "t"}"#)
        .run()
        .answers(0, "The message would be sent with QoS 2 to topic \"t\" at tcp://h:1883.");
}

#[test]
fn a_component_is_not_written_over() {
    let directory = TempDir::new().unwrap();
    let wasm = write(&directory, "connector.wasm", component());
    let link = directory.path().join("link").to_str().unwrap().to_owned();
    std::os::unix::fs::symlink(&wasm, &link).unwrap();
    for output in [&wasm, &link] {
        Program::new(["precompile", &wasm, "-o", output]).run().fails(
            64,
            &format!(
                "mqtt-connector: --output {output}: the machine code would take the place of the component, of which \
                 nothing would be left.\n"
            ),
        );
    }
    assert!(std::fs::read(&wasm).unwrap() == component());
}
