//! Who may call: tokens, and the file of tenants while the service runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use mqtt_connector_tests::{Mosquitto, Observer};

use crate::support::{ACME, Home, OTHER, tenant};

const PATHS: [(&str, &str); 9] = [
    ("POST", "/v1/send"),
    ("POST", "/v1/send-batch"),
    ("POST", "/v1/check"),
    ("GET", "/v1/schema"),
    ("POST", "/v1/executions"),
    ("GET", "/v1/executions"),
    ("GET", "/v1/executions/01936f3e-8a41-7c3e-9b1f-5d2c8e7a4b10"),
    ("POST", "/v1/executions/01936f3e-8a41-7c3e-9b1f-5d2c8e7a4b10/cancel"),
    ("POST", "/v1/executions/01936f3e-8a41-7c3e-9b1f-5d2c8e7a4b10/retry"),
];

#[test]
fn without_a_token_of_a_tenant_nothing_is_answered() {
    let home = Home::new(1);
    let service = home.serve(&[]);
    let digest = mqtt_connector::TokenDigest::of(ACME).to_string();
    for (method, path) in PATHS {
        for authorization in [
            "",
            "Bearer",
            "Bearer wrong",
            "Bearer token-of-acm",
            "Bearer token-of-acmeX",
            &format!("Basic {ACME}"),
            ACME,
            &format!("Bearer {digest}"),
        ] {
            let refused = service.call(method, path).header("Authorization", authorization).ask();
            let detail = refused.problem(401);
            assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
            assert!(!detail.contains("acm"), "{detail}");
        }
    }
    // The scheme has no case (RFC 9110, section 11.1).
    assert_eq!(
        service.get("/v1/executions").header("Authorization", &format!("bEARER {ACME}")).ask().status,
        200
    );
}

#[test]
fn a_file_that_is_read_again_holds_from_then_on_and_a_wrong_one_changes_nothing() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    let send = |token: &str| service.post("/v1/send", r#"{"content":"x"}"#).token(token).ask();
    assert_eq!((send(ACME).exit_code(), send(OTHER).exit_code()), (0, 0));

    for wrong in [
        "[tenants.acme]\nbroker = 'planted'\n",
        "planted = [",
        "[[tenants.acme.tokens]]\nname = 'x'\nsha256 = 'planted'\n",
    ] {
        home.tenants(wrong);
        service.signal("HUP");
        let said = service.says("Nothing has changed.");
        assert!(!said.contains("planted"), "{said}");
        assert_eq!((send(ACME).exit_code(), send(OTHER).exit_code()), (0, 0));
    }

    // One tenant has another token beside the old one, the other is gone.
    home.tenants(&tenant("acme", &[ACME, "next"], broker.port()));
    service.signal("HUP");
    service.says("read again; tenants: 1");
    assert_eq!((send(ACME).exit_code(), send("next").exit_code()), (0, 0));
    send(OTHER).problem(401);
    home.tenants(&tenant("acme", &["next"], broker.port()));
    service.signal("HUP");
    service.says("read again; tenants: 1");
    send(ACME).problem(401);
    assert_eq!(send("next").exit_code(), 0);
    // The connection of the tenant that has not changed has lived on.
    assert_eq!(broker.log().matches(" as acme (").count(), 1, "{}", broker.log());
}

#[test]
fn calls_are_answered_while_the_file_is_read_again() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    let is_over = AtomicBool::new(false);
    let sent: usize = thread::scope(|scope| {
        let sending: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut sent = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        assert_eq!(service.post("/v1/send", r#"{"content":"x"}"#).ask().exit_code(), 0);
                        sent += 1;
                    }
                    sent
                })
            })
            .collect();
        for number in 0..20 {
            let acme = tenant("acme", &[ACME, &format!("token-{number}")], broker.port());
            home.tenants(&[acme, tenant("other", &[OTHER], broker.port())].concat());
            service.signal("HUP");
            service.says("read again; tenants: 2");
        }
        is_over.store(true, Ordering::Relaxed);
        sending.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(observer.settled().len(), sent);
    assert_eq!(broker.log().matches(" as acme (").count(), 1, "{}", broker.log());
}
