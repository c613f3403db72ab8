//! What a component may do with `publisher.check`, and that it is bounded as `publish` is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_connector::Tenant;
use mqtt_connector_tests::ScriptedBroker;
use mqtt_connector_tests::pki::Pki;

use super::{Guest, HOSTILE, limits, limits_soon, send, tenant};
use crate::support::{assert_meta, block_on};

const COMPUTED: &str = "The connector itself failed: it computed for longer than the tenant's limit allows.";

/// One that checks where the template publishes. 0 is success.
fn checks() -> Guest {
    Guest::default()
        .with(
            "publisher",
            r#"(type (;68;) (enum "certificate" "root-ca-crt"))
            (export (;69;) "certificate-parameter" (type (eq 68)))
            (type (;70;) (record (field "parameter" 69) (field "seconds" u64)))
            (export (;71;) "certificate-time" (type (eq 70)))
            (type (;72;) (variant
              (case "not-yet-valid" 71) (case "expires" 71) (case "expired" 71) (case "timeout-capped" u32)
              (case "other" string)))
            (export (;73;) "remark" (type (eq 72)))
            (type (;74;) (list 73))
            (type (;75;) (result 74 (error 62)))
            (type (;76;) (func (param "options" 40) (param "messages" 63) (param "policy" 50) (result 75)))
            (export (;1;) "check" (func (type 76)))"#,
        )
        .with(
            "lowered",
            r#"(alias export $publisher "check" (func $judge))
            (core func $judge (canon lower (func $judge) (memory $memory) (realloc $realloc)))"#,
        )
        .with("core-imports", r#"(import "host" "check" (func $judge (param i32 i32)))"#)
        .with("core-exports", r#"(export "check" (func $judge))"#)
        .with(
            "instead",
            "(call $judge (i32.const 2048) (i32.const 3072)) (return (i32.load8_u (i32.const 3072)))",
        )
        // Room for what the host answers, over and over the same.
        .with(
            "realloc",
            "(if (i32.gt_u (global.get $next) (i32.const 131072)) (then (global.set $next (i32.const 65536))))",
        )
}

/// TLS with an authority whose path, of so many bytes, stands at 1024.
fn secured(path: &str) -> String {
    format!(
        "(i32.store8 (i32.const 3584) (i32.const 1)) (i32.store8 (i32.const 2204) (i32.const 1))
         (i32.store8 (i32.const 2208) (i32.const 1)) (i32.store8 (i32.const 2212) (i32.const 0))
         (i32.store (i32.const 2216) (i32.const 1024)) (i32.store (i32.const 2220) (i32.const {}))
         (i32.store8 (i32.const 2284) (i32.const 1))",
        path.len()
    )
}

#[test]
fn it_is_allowed_in_a_dry_run_and_in_a_send() {
    let broker = ScriptedBroker::untouched();
    let says =
        "(return (call $say (select (i32.const 77) (i32.const 64) (call $publish-some (i32.const 1)))))";
    let guest = checks().with("send", says).with("check", says).publishes_to(broker.port());
    let connector = guest.connector();
    let nobody = Arc::new(Tenant::builder("nobody").build());
    for (tenant, exit_code) in [(tenant("acme", limits()), 64), (nobody, 77)] {
        let words = "said by somebody else's connector";
        assert_meta(&send(&connector, &tenant, HOSTILE), exit_code, words);
        assert_meta(&block_on(connector.check(&tenant, "{}", "{}")).meta, exit_code, words);
    }
    broker.finish();
}

#[test]
fn no_success_comes_of_a_check() {
    let broker = ScriptedBroker::untouched();
    let says = "(return (call $say (call $publish-some (i32.const 1))))";
    let connector = checks().with("send", says).publishes_to(broker.port()).connector();
    let meta = send(&connector, &tenant("acme", limits()), HOSTILE);
    let lied = "it said that a message was sent which was not acknowledged";
    assert_meta(&meta, 70, &format!("The connector itself failed: {lied}."));
    broker.finish();
}

#[test]
fn checking_without_end_is_computing() {
    let endless = "(loop $again (drop (call $publish-some (i32.const 1))) (br $again))";
    let connector = checks().with("send", endless).with("check", endless).connector();
    let nobody = Arc::new(Tenant::builder("nobody").limits(limits_soon()).build());
    for tenant in [nobody, tenant("acme", limits_soon())] {
        assert_meta(&send(&connector, &tenant, HOSTILE), 70, COMPUTED);
        assert_meta(&block_on(connector.check(&tenant, "{}", "{}")).meta, 70, COMPUTED);
    }
}

#[test]
fn reading_files_without_end_is_over_with_the_time() {
    let pki = Pki::new();
    let path = pki.authority().path_str();
    let mut limits = limits_soon();
    limits.timeout = Duration::from_millis(500);
    let directory = pki.authority().path().parent().unwrap();
    let acme =
        Tenant::builder("acme").broker("ssl://127.0.0.1:*".parse().unwrap()).topics("#".parse().unwrap());
    let acme = Arc::new(acme.directory(directory).unwrap().limits(limits).build());
    let once =
        "(return (call $say (select (i32.const 77) (i32.const 64) (call $publish-some (i32.const 1)))))";
    let body = "(global.set $odd (i32.const 1))".to_owned();
    let guest = |rest: &str| {
        let guest = checks().with("send", &(body.clone() + rest)).with("arguments", &secured(path));
        guest.with("items", &format!("(data (i32.const 1024) \"{path}\")")).connector()
    };
    assert_meta(&send(&guest(once), &acme, HOSTILE), 64, "said by somebody else's connector");
    let start = Instant::now();
    let endless = guest("(loop $again (drop (call $publish-some (i32.const 1))) (br $again))");
    assert_meta(&send(&endless, &acme, HOSTILE), 70, "The connector itself failed: it ….");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}
