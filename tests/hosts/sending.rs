//! `wasmtime run mqtt-connector.wasm send`: messages that arrive, exit codes of those that do not, and flags that are missing.

use std::fs;

use mqtt_connector_tests::pki::KeyFormat;
use mqtt_connector_tests::port::{ClosedPort, SilentPort};
use mqtt_connector_tests::{Mosquitto, Observer, Pki};

use crate::support::{NETWORK, PATIENCE, Run, VERSIONS, Version};

#[test]
fn messages_arrive_at_every_quality_of_service() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "plant/#");
    let content = "Grüße, \"line\" 1\n\t\\ \u{1f600}";
    for version in VERSIONS {
        for (protocol, qos, words) in
            [("3.1.1", "0", "QoS 0 (never acknowledged)"), ("3.1.1", "1", "QoS 1"), ("5", "2", "QoS 2")]
        {
            let topic = format!("plant/line {qos}");
            let run = Run::send(version, broker.port())
                .args(["--topic", &topic, "--content", content, "--qos", qos])
                .args(["--protocol-version", protocol])
                .run();
            let address = broker.address();
            run.answers(0, &format!("Sent with {words} to topic \"{topic}\" at tcp://{address} in # ms."));
        }
    }
    let came = observer.messages(6, PATIENCE);
    let came: Vec<_> = came.iter().map(|message| (&*message.topic, message.qos, &*message.payload)).collect();
    let once = [0, 1, 2]
        .map(|qos| (["plant/line 0", "plant/line 1", "plant/line 2"][qos], qos as u8, content.as_bytes()));
    assert_eq!(came, [once, once].concat());
    // The will is not published: DISCONNECT was sent.
    broker.wait_for_log("Received DISCONNECT from sender", PATIENCE);
}

#[test]
fn will_is_not_published_when_the_program_has_ended() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let will = r#"{"topic":"gone","content":"bye"}"#;
    for version in VERSIONS {
        let run =
            Run::send(version, broker.port()).args(["--topic", "t", "--content", "x", "--will", will]).run();
        run.answers(0, "Sent with QoS 2 to topic \"t\" at tcp://… in # ms.");
    }
    let topics: Vec<_> = observer.settled().into_iter().map(|message| message.topic).collect();
    assert_eq!(topics, ["t", "t"]);
}

#[test]
fn names_are_looked_up_and_client_certificates_are_shown() {
    let pki = Pki::new();
    let server = pki.server(&["localhost", "127.0.0.1"]);
    let client = pki.client("device", KeyFormat::Pkcs8);
    let broker = Mosquitto::builder().mutual_tls(&server, pki.authority()).start();
    let directory = tempfile::tempdir().unwrap();
    for (name, pem) in
        [("ca.pem", pki.authority()), ("device.pem", client.certificate()), ("device.key", client.key())]
    {
        fs::write(directory.path().join(name), pem.text()).unwrap();
    }
    let url = format!("ssl://localhost:{}", broker.port());
    let send = |version, flags: &[&str], files: [&str; 3]| {
        let [authority, certificate, key] = files;
        Run::new(
            version,
            &[&NETWORK[..], flags].concat(),
            &["send", "--broker", &url, "--client-id", "sender"],
        )
        .args(["--topic", "t", "--content", "x", "--retries", "0", "--timeout", "20000", "--use-certificate"])
        .args(["--root-ca-crt", authority, "--certificate", certificate, "--private-key", key])
        .current_dir(directory.path())
        .run()
    };
    let mapped = format!("{}::/certs", directory.path().display());
    for version in VERSIONS {
        for (flags, files) in [
            (["--dir", "."], ["ca.pem", "./device.pem", "device.key"]),
            (["--dir", &mapped], ["/certs/ca.pem", "/certs/device.pem", "/certs/device.key"]),
        ] {
            let run = send(version, &flags, files);
            run.answers(0, &format!("Sent with QoS 2 to topic \"t\" at {url} in # ms."));
        }
    }
    let run = send(Version::V48, &[], ["/certs/ca.pem", "/certs/device.pem", "/certs/device.key"]);
    run.answers(
        66,
        "Not sent, …/certs/… cannot be read: it is in no directory that the host has opened for this component (wasmtime: \
         --dir)….",
    );
}

#[test]
fn authorities_are_those_of_the_variable_or_those_that_are_built_in() {
    let pki = Pki::new();
    let broker = Mosquitto::builder().tls(&pki.server(&["localhost"])).start();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("ca.pem"), pki.authority().text()).unwrap();
    let url = format!("ssl://localhost:{}", broker.port());
    let mapped = format!("{}::/certs", directory.path().display());
    let named = ["--dir", &mapped, "--env", "SSL_CERT_FILE=/certs/ca.pem"];
    let unreachable = ["--env", "SSL_CERT_FILE=/certs/ca.pem"];
    for (flags, exit_code, message) in [
        (&named[..], 0, "Sent with QoS 2 to topic \"t\" at ssl://localhost:# in # ms."),
        (&[], 78, "Not sent, TLS …"),
        (&unreachable, 66, "Not sent, …SSL_CERT_FILE…(wasmtime: --dir)…"),
    ] {
        let arguments = [
            "send",
            "--broker",
            &url,
            "--client-id",
            "sender",
            "--topic",
            "t",
            "--content",
            "x",
            "--retries",
            "0",
        ];
        Run::new(Version::V49, &[&NETWORK[..], flags].concat(), &arguments).run().answers(exit_code, message);
    }
}

#[test]
fn flags_of_the_host_that_are_missing_are_named() {
    let broker = Mosquitto::start();
    for version in VERSIONS {
        for (flags, host, exit_code, message) in [
            (
                &[][..],
                "127.0.0.1",
                69,
                "…the host does not let this component use the network (wasmtime: -S inherit-network)…",
            ),
            (
                &["-S", "inherit-network"],
                "localhost",
                68,
                "…the host does not let this component look names up (wasmtime: -S allow-ip-name-lookup)…",
            ),
        ] {
            let url = format!("tcp://{host}:{}", broker.port());
            let arguments =
                ["send", "--broker", &url, "--client-id", "sender", "--topic", "t", "--content", "x"];
            Run::new(version, flags, &arguments).args(["--retries", "0"]).run().answers(exit_code, message);
        }
        let run = Run::send(version, broker.port()).args(["--config", "door.json"]).run();
        run.answers(
            66,
            "--config door.json: it does not exist, or is in no directory that the host has opened for this program \
             (wasmtime: --dir).",
        );
    }
}

#[test]
fn exit_status_is_the_exit_code() {
    let broker = Mosquitto::builder().password("ann", "secret").start();
    let (closed, silent) = (ClosedPort::open(), SilentPort::open());
    let message = ["--topic", "t", "--content", "x"];
    for version in VERSIONS {
        for (port, flags, exit_code, said) in [
            (
                broker.port(),
                &[][..],
                5,
                "Not sent, the broker tcp://… refused the connection with return code 5: …",
            ),
            (
                broker.port(),
                &["--username", "ann", "--password", "secret"],
                0,
                "Sent with QoS 2 to topic \"t\" at … in # ms.",
            ),
            (
                broker.port(),
                &["--qos", "3"],
                64,
                "Not sent: qos in the request got the number 3, wants the number 0, 1 or 2.",
            ),
            (closed.port(), &[], 69, "Not sent, … the connection was refused…"),
            (
                silent.port(),
                &["--timeout", "200"],
                75,
                "Not sent, the timeout was over before the message was sent to the broker tcp://…: no answer within 200 ms, while …",
            ),
        ] {
            Run::send(version, port).args(message).args(flags.iter().copied()).run().answers(exit_code, said);
        }
    }
}

#[test]
fn check_says_what_send_would() {
    let run = Run::new(
        Version::V48,
        &[],
        &[
            "check",
            "--broker",
            "tcp://nowhere.example",
            "--client-id",
            "me",
            "--topic",
            "t",
            "--content",
            "x",
        ],
    );
    run.run().answers(0, "…");
    let run =
        Run::new(Version::V48, &[], &["check", "--broker", "tcp://nowhere.example", "--client-id", "me"]);
    run.run().answers(64, "…topic…");
}

#[test]
fn wrong_arguments_have_a_response_too() {
    for (arguments, message) in [
        (&["send", "--tpic", "t"][..], "The command line: unexpected argument '--tpic' found…--topic…"),
        (&["send", "--client-id", "--topic", "t"], "The command line: --client-id has no value: …"),
        (
            &["publish"],
            "The command line: unrecognized subcommand 'publish'; a message is sent with mqtt-connector send…",
        ),
    ] {
        let output = Run::new(Version::V48, &[], arguments).run();
        assert!(mqtt_connector_tests::pattern::fits(&output.message(), message), "{output:#?}");
        assert_eq!(output.status, Some(64), "{output:#?}");
    }
    let help = Run::new(Version::V48, &[], &["--help"]).run().printed();
    assert!(help.contains("send") && help.contains("Exit status"), "{help}");
}
