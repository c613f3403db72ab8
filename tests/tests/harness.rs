//! The harness itself, with Mosquitto's own clients and bare sockets in the place of the connector.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use std::{env, fs};

use mqtt_connector_tests::pki::{Fault, Identity, KeyFormat, Pem, Pki};
use mqtt_connector_tests::port::{BlackHole, ClosedPort, SilentPort};
use mqtt_connector_tests::{Mosquitto, Observer};

const SOON: Duration = Duration::from_secs(20);

/// Runs `mosquitto_pub` against loopback `port`; `arguments` are separated by single spaces.
fn publish(port: u16, arguments: &str) -> Output {
    publish_with(port, &[], arguments)
}

fn publish_with(port: u16, first: &[&str], arguments: &str) -> Output {
    Command::new("mosquitto_pub")
        .args(["-p", &port.to_string()])
        .args(first)
        .args(arguments.split(' '))
        .output()
        .expect("mosquitto_pub is installed")
}

/// The arguments of `mosquitto_pub` for a client certificate.
fn tls<'a>(authority: &'a Pem, client: Option<&'a Identity>) -> Vec<&'a str> {
    let mut arguments = vec!["-h", "127.0.0.1", "--cafile", authority.path_str()];
    if let Some(client) = client {
        let (certificate, key) = (client.certificate().path_str(), client.key().path_str());
        arguments.extend(["--cert", certificate, "--key", key]);
    }
    arguments
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn observer_shows_every_byte_topic_and_flag() {
    let broker = Mosquitto::start();
    let pki = Pki::new();
    let binary: String = ('\0'..='\u{7f}').collect();
    let file = pki.file("payload", &binary);

    assert!(publish(broker.port(), "-t kept -m before -q 1 -r").status.success());
    let observer = Observer::start(broker.port(), "#");
    assert!(publish(broker.port(), "-t empty -n -q 1").status.success());
    assert!(publish_with(broker.port(), &["-t", " a  topic/ü "], "-m é -q 2").status.success());
    assert!(publish(broker.port(), &format!("-t binary -q 0 -f {}", file.path_str())).status.success());

    let messages = observer.messages(4, SOON);
    let mut shown: Vec<_> = messages.iter().map(|m| (&*m.topic, m.qos, m.retain, &*m.payload)).collect();
    // One of QoS 2 may come behind one of QoS 0 that was published later: it takes two more packets.
    shown.sort_unstable();
    assert_eq!(
        shown,
        [
            (" a  topic/ü ", 2, false, "é".as_bytes()),
            ("binary", 0, false, binary.as_bytes()),
            ("empty", 1, false, b""),
            ("kept", 1, true, &b"before"[..]),
        ]
    );
    assert_eq!(observer.retained().len(), 1);
}

#[test]
#[should_panic(expected = "expected 1 messages within 20s, 2 came")]
fn observer_does_not_overlook_a_second_message() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    for _ in 0..2 {
        assert!(publish(broker.port(), "-t twice -m x -q 2").status.success());
    }
    let _ = observer.messages(1, SOON);
}

#[test]
fn log_tells_what_the_broker_saw() {
    let broker = Mosquitto::start();
    assert!(publish(broker.port(), "-i me -k 17 -t t -m m -q 1").status.success());
    broker.wait_for_log("Received DISCONNECT from me", SOON);
    assert!(broker.log().contains("as me (p2, c1, k17)"), "{}", broker.log());
}

#[test]
fn password_file_and_access_list_are_enforced() {
    let broker = Mosquitto::builder()
        .password("alice", "s3cret")
        .password("witness", "w")
        .acl("user alice\ntopic write in/#\nuser witness\ntopic readwrite #\n")
        .start();
    let observer = Observer::builder(broker.port()).password("witness", "w").start();

    let refused = publish(broker.port(), "-t in/1 -m x -u alice -P wrong");
    assert_eq!(refused.status.code(), Some(5), "{}", text(&refused));
    assert_eq!(publish(broker.port(), "-t in/1 -m x").status.code(), Some(5));
    observer.nothing();

    assert!(publish(broker.port(), "-t in/1 -m x -q 1 -u alice -P s3cret").status.success());
    assert!(publish(broker.port(), "-t out/1 -m x -q 1 -u alice -P s3cret").status.success());
    assert_eq!(observer.messages(1, SOON)[0].topic, "in/1");
}

#[test]
fn tls_broker_is_trusted_only_with_the_right_certificate() {
    let pki = Pki::new();
    let good = [pki.server(&["127.0.0.1", "localhost"]), pki.server_with_intermediate(&["127.0.0.1"])];
    for server in &good {
        let broker = Mosquitto::builder().tls(server).start();
        let observer = Observer::builder(broker.port()).tls(pki.authority()).start();
        let sent = publish_with(broker.port(), &tls(pki.authority(), None), "-t t -m m -q 1");
        assert!(sent.status.success(), "{}", text(&sent));
        assert_eq!(observer.messages(1, SOON)[0].payload, b"m");
        assert!(
            !publish_with(broker.port(), &tls(pki.unknown_authority(), None), "-t t -m m").status.success()
        );
    }
    for fault in Fault::ALL {
        let broker = Mosquitto::builder().tls(&pki.faulty_server(fault, &["127.0.0.1"])).start();
        let sent = publish_with(broker.port(), &tls(pki.authority(), None), "-t t -m m -q 1");
        assert!(!sent.status.success(), "{fault:?} was accepted");
        assert!(!broker.log().contains("Received PUBLISH"), "{fault:?}: {}", broker.log());
    }
}

#[test]
fn openssl_names_the_fault_of_each_certificate() {
    let pki = Pki::new();
    let verify = |identity: &Identity| {
        let output = Command::new("openssl")
            .args(["verify", "-purpose", "sslserver", "-verify_ip", "127.0.0.1"])
            .args(["-CAfile", pki.authority().path_str(), identity.certificate().path_str()])
            .output()
            .expect("openssl is installed");
        text(&output)
    };
    assert!(verify(&pki.server(&["127.0.0.1"])).contains(": OK"));
    for (fault, words) in [
        (Fault::Expired, "certificate has expired"),
        (Fault::NotYetValid, "certificate is not yet valid"),
        (Fault::WrongName, "IP address mismatch"),
        (Fault::UnknownAuthority, "unable to get local issuer certificate"),
        (Fault::SelfSigned, "self-signed certificate"),
        (Fault::MissingIntermediate, "unable to get local issuer certificate"),
        (Fault::WrongPurpose, "unsuitable certificate purpose"),
    ] {
        let said = verify(&pki.faulty_server(fault, &["127.0.0.1"]));
        assert!(said.contains(words), "{fault:?}: {said}");
    }
}

#[test]
fn mutual_tls_broker_demands_a_certificate_of_its_authority() {
    let pki = Pki::new();
    let broker = Mosquitto::builder()
        .mutual_tls(&pki.server(&["127.0.0.1"]), pki.authority())
        .identity_as_username()
        .start();
    let witness = pki.client("witness", KeyFormat::Pkcs8);
    let observer = Observer::builder(broker.port()).tls(pki.authority()).client_certificate(&witness).start();

    let formats = [KeyFormat::Pkcs8, KeyFormat::Pkcs8Rsa, KeyFormat::Sec1, KeyFormat::Pkcs1];
    for format in formats {
        let client = pki.client("thing", format);
        let sent = publish_with(broker.port(), &tls(pki.authority(), Some(&client)), "-t t -m m -q 2");
        assert!(sent.status.success(), "{format:?}: {}", text(&sent));
    }
    let _ = observer.messages(formats.len(), SOON);
    assert!(broker.log().contains("u'thing'"), "{}", broker.log());

    assert!(!publish_with(broker.port(), &tls(pki.authority(), None), "-t t -m m -q 2").status.success());
    for fault in
        [Fault::Expired, Fault::NotYetValid, Fault::UnknownAuthority, Fault::SelfSigned, Fault::WrongPurpose]
    {
        let client = pki.faulty_client(fault, "thing");
        let sent = publish_with(broker.port(), &tls(pki.authority(), Some(&client)), "-t t -m m -q 2");
        assert!(!sent.status.success(), "{fault:?} was accepted");
    }
    let _ = observer.messages(formats.len(), SOON);
}

#[test]
fn keys_are_written_in_the_format_asked_for() {
    let pki = Pki::new();
    for (format, header) in [
        (KeyFormat::Pkcs8, "-----BEGIN PRIVATE KEY-----"),
        (KeyFormat::Pkcs8Rsa, "-----BEGIN PRIVATE KEY-----"),
        (KeyFormat::Sec1, "-----BEGIN EC PRIVATE KEY-----"),
        (KeyFormat::Pkcs1, "-----BEGIN RSA PRIVATE KEY-----"),
        (KeyFormat::EncryptedPkcs8("open sesame"), "-----BEGIN ENCRYPTED PRIVATE KEY-----"),
    ] {
        let client = pki.client("thing", format);
        assert!(client.key().text().starts_with(header), "{format:?}: {}", client.key().text());
        let public_of = |command: &str, file: &str| {
            let mut openssl = Command::new("openssl");
            openssl.args(command.split(' ')).args(["-in", file]).args(["-passin", "pass:open sesame"]);
            text(&openssl.output().expect("openssl is installed"))
        };
        let of_key = public_of("pkey -pubout", client.key().path_str());
        assert!(of_key.contains("BEGIN PUBLIC KEY"), "{format:?}: {of_key}");
        assert_eq!(of_key, public_of("x509 -pubkey -noout", client.certificate().path_str()));
    }
}

#[test]
fn killed_broker_comes_back_on_its_port_with_what_it_kept() {
    let broker = Mosquitto::builder().persistence().start();
    let observer = Observer::builder(broker.port()).persistent_session("witness").start();
    assert!(publish(broker.port(), "-t kept -m 1 -q 1 -r").status.success());
    let _ = observer.messages(1, SOON);
    broker.save();

    broker.kill();
    assert!(!publish(broker.port(), "-t t -m lost").status.success());
    broker.restart();
    observer.wait_for_subscriptions(2, SOON);
    assert!(publish(broker.port(), "-t t -m again -q 2").status.success());
    assert!(observer.wait_for(2, SOON));
    assert_eq!(Observer::start(broker.port(), "#").retained()[0].payload, b"1");
}

#[test]
fn broker_without_persistence_forgets() {
    let broker = Mosquitto::start();
    assert!(publish(broker.port(), "-t kept -m 1 -q 1 -r").status.success());
    broker.restart();
    Observer::start(broker.port(), "#").nothing();
}

#[test]
fn paused_broker_answers_when_it_is_resumed() {
    let broker = Mosquitto::start();
    broker.pause();
    let port = broker.port();
    let sender = std::thread::spawn(move || publish(port, "-t t -m m -q 1"));
    let mut connection = TcpStream::connect(broker.address()).expect("the kernel accepts for it");
    connection.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket option");
    let silence = connection.read(&mut [0]).expect_err("a paused broker answers nothing");
    assert_eq!(silence.kind(), ErrorKind::WouldBlock);
    broker.resume();
    assert!(sender.join().expect("no panic").status.success());
}

#[test]
fn broker_outlives_the_thread_that_started_it() {
    let broker = std::thread::spawn(Mosquitto::start).join().expect("no panic");
    assert!(publish(broker.port(), "-t t -m m -q 1").status.success());
}

/// Not a test of its own: the process that [`broker_ends_with_a_killed_test`] kills.
#[test]
#[ignore = "waits to be killed"]
fn hold_a_broker() {
    let broker = Mosquitto::start();
    println!("holding {}", broker.address());
    std::thread::park();
}

#[test]
fn broker_ends_with_a_killed_test() {
    let mut test = Command::new(env::current_exe().expect("this test"))
        .args(["--exact", "hold_a_broker", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let output = BufReader::new(test.stdout.take().expect("a pipe"));
    let address: SocketAddr = output
        .lines()
        .find_map(|line| line.ok()?.split_once("holding ")?.1.parse().ok())
        .expect("the address of its broker");
    let mut connection = TcpStream::connect(address).expect("it serves");
    connection.set_read_timeout(Some(SOON)).expect("a socket option");
    test.kill().expect("it runs");
    test.wait().expect("it was killed");
    // The end of the broker is what closes the connection.
    assert!(!matches!(connection.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock));
}

#[test]
fn dropped_broker_frees_its_port() {
    let broker = Mosquitto::start();
    let address = broker.address();
    drop(broker);
    let refused = TcpStream::connect(address).expect_err("nobody listens any more");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn ports_fail_as_they_say() {
    let closed = ClosedPort::open();
    let refused = TcpStream::connect(closed.address()).expect_err("closed");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    let silent = SilentPort::open();
    let mut connection = TcpStream::connect(silent.address()).expect("accepted by the kernel");
    connection.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket option");
    assert_eq!(connection.read(&mut [0]).expect_err("silent").kind(), ErrorKind::WouldBlock);

    let hole = BlackHole::open();
    let unanswered =
        TcpStream::connect_timeout(&hole.address(), Duration::from_millis(100)).expect_err("dropped");
    assert_eq!(unanswered.kind(), ErrorKind::TimedOut);
}

/// The README shows a connector's own test as it is: `UPDATE_README=1 cargo test -p mqtt-connector-tests --test harness`
/// puts it there.
#[test]
fn readme_shows_the_test_of_the_example() {
    const BEGIN: &str = "<!-- examples/own-connector/tests/notes.rs -->\n```rust\n";
    const END: &str = "```\n<!-- end -->\n";
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = directory.join("README.md");
    let readme = fs::read_to_string(&file).expect("the README");
    let example = directory.join("../examples/own-connector/tests/notes.rs");
    let example = fs::read_to_string(example).expect("the example");
    let (before, rest) = readme.split_once(BEGIN).expect("the place of the example");
    let (shown, after) = rest.split_once(END).expect("its end");
    if env::var_os("UPDATE_README").is_some() {
        fs::write(file, [before, BEGIN, &example, END, after].concat()).expect("the README");
    } else {
        assert_eq!(shown, example, "UPDATE_README=1 puts it there");
    }
}
