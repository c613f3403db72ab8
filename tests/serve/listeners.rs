//! Where the service listens.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use mqtt_connector_tests::Pki;

use crate::support::{Home, PATIENCE};

/// What `curl` gets.
#[track_caller]
fn curl(arguments: &[&str]) -> String {
    let output =
        Command::new("curl").args(["--silent", "--show-error", "--max-time", "30"]).args(arguments).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_unix_socket_is_for_user_and_group_and_removed_in_the_end() {
    let home = Home::new(1);
    let socket = home.path().join("service.sock");
    let listen = format!("unix:{}", socket.display());
    let mut service = home.serve_at(&listen, &[]);
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
    let ask = || curl(&["--unix-socket", socket.to_str().unwrap(), "http://service/livez"]);
    assert_eq!(ask(), "ok\n");
    service.signal("TERM");
    assert_eq!(service.ends().code(), Some(0));
    assert!(!socket.exists());

    // One that was left behind is in nobody's way.
    let service = home.serve_at(&listen, &[]);
    service.signal("KILL");
    drop(service);
    assert!(socket.exists());
    let mut service = home.serve_at(&listen, &[]);
    assert_eq!(ask(), "ok\n");

    // Nor does one that ends remove the socket of another.
    fs::remove_file(&socket).unwrap();
    let _other = home.serve_at(&listen, &["--store", "other.db"]);
    service.signal("TERM");
    assert_eq!(service.ends().code(), Some(0));
    assert_eq!(ask(), "ok\n");
}

#[test]
fn an_address_that_others_reach_wants_tls_or_a_proxy() {
    let home = Home::new(1);
    let mut refused = home.spawn(&["--listen", "0.0.0.0:0"]);
    refused.says("give --tls-certificate and --tls-key, or say --behind-proxy");
    assert_eq!(refused.ends().code(), Some(64));
    let service = home.serve_at("0.0.0.0:0", &["--behind-proxy"]);
    let (_, port) = service.address().rsplit_once(':').unwrap();
    assert_eq!(curl(&[&format!("http://127.0.0.1:{port}/livez")]), "ok\n");
}

#[test]
fn tls_is_spoken_with_a_certificate_that_is_read_again_when_it_changes() {
    let (home, pki) = (Home::new(1), Pki::new());
    let put = |names: &[&str]| {
        let identity = pki.server(names);
        let place = |from: &Path, to: &str| {
            fs::copy(from, home.path().join("new")).unwrap();
            fs::rename(home.path().join("new"), home.path().join(to)).unwrap();
        };
        place(identity.certificate().path(), "certificate.pem");
        place(identity.key().path(), "key.pem");
    };
    put(&["first.example"]);
    let files = ["--tls-certificate", "certificate.pem", "--tls-key", "key.pem"];
    let service = home.serve_at("0.0.0.0:0", &files);
    let (_, port) = service.address().rsplit_once(':').unwrap();
    let ask = |name: &str| {
        let (resolve, url) = (format!("{name}:{port}:127.0.0.1"), format!("https://{name}:{port}/livez"));
        let authority = pki.authority().path_str();
        let arguments = ["--silent", "--max-time", "30", "--cacert", authority, "--resolve", &resolve, &url];
        Command::new("curl").args(arguments).output().unwrap().stdout
    };
    assert_eq!(ask("first.example"), b"ok\n");
    assert_eq!(ask("second.example"), b"");
    put(&["second.example"]);
    let began = std::time::Instant::now();
    while ask("second.example") != b"ok\n" {
        assert!(began.elapsed() < PATIENCE, "the certificate is not read again");
    }
    assert_eq!(ask("first.example"), b"");
}

#[test]
fn a_certificate_that_cannot_be_used_is_said_with_its_file() {
    let (home, pki) = (Home::new(1), Pki::new());
    let [identity, other] = [pki.server(&["a.example"]), pki.server(&["b.example"])];
    let good = fs::read_to_string(identity.certificate().path()).unwrap();
    fs::write(home.path().join("good.pem"), &good).unwrap();
    fs::write(home.path().join("long.pem"), good + &"\n".repeat(1 << 20)).unwrap();
    fs::copy(identity.key().path(), home.path().join("key.pem")).unwrap();
    fs::copy(other.key().path(), home.path().join("other.pem")).unwrap();
    for (certificate, key, said) in [
        ("none.pem", "key.pem", "none.pem: No such file or directory"),
        ("long.pem", "key.pem", "long.pem: it is larger than its limit, 1 MiB"),
        ("key.pem", "key.pem", "key.pem: it holds no certificate in PEM"),
        ("good.pem", "good.pem", "good.pem: it holds no private key in PEM without a password"),
        ("good.pem", "other.pem", "good.pem and other.pem: the key is not that of the first certificate"),
    ] {
        let mut refused =
            home.spawn(&["--listen", "127.0.0.1:0", "--tls-certificate", certificate, "--tls-key", key]);
        refused.says(said);
        assert_eq!(refused.ends().code(), Some(66), "{said}");
    }
}

#[test]
fn metrics_may_have_a_listener_of_their_own() {
    let home = Home::new(1);
    let port = mqtt_connector_tests::port::free_port();
    let service = home.serve(&["--metrics", &format!("127.0.0.1:{port}")]);
    service.get("/metrics").ask().problem(404);
    assert_eq!(service.get("/livez").ask().status, 200);
    let metrics = curl(&[&format!("http://127.0.0.1:{port}/metrics")]);
    assert!(
        metrics.contains(
            "http_server_request_duration_bucket{http_request_method=\"GET\",http_route=\"/livez\""
        ),
        "{metrics}"
    );
    assert!(curl(&[&format!("http://127.0.0.1:{port}/v1/schema")]).contains("\"status\":404"));
}
