//! What goes beyond a limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mqtt_connector::Limits;
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Mosquitto, ScriptedBroker, Step, encode};
use serde_json::json;

use super::{Guest, HOSTILE, assert_always_fault, assert_fault, busy, limits, limits_soon, send, tenant};
use crate::runtime::two_workers;
use crate::support::{assert_meta, block_on, config, connector, with};

const COMPUTED: &str = "it computed for longer than the tenant's limit allows.";
const MEMORY: &str = "it used more memory than the tenant's limit allows.";
const DATA: &str = "it handed over more data than the tenant's limit of memory allows.";

/// What a busy loop may take longer than its limit.
const LATE: Duration = Duration::from_millis(20);

#[test]
fn a_busy_loop_ends_at_its_limit() {
    assert_fault("busy loop", &busy(), limits_soon(), COMPUTED);
    let recursive =
        Guest::sends("(loop $again (call $nothing) (br $again))").with("items", "(func $nothing)");
    assert_fault("busy calls", &recursive, limits_soon(), COMPUTED);
    let filling = Guest::sends(
        "(loop $again (memory.fill (i32.const 65536) (i32.const 7) (i32.const 65536)) (br $again))",
    );
    assert_fault("busy fills", &filling, limits_soon(), COMPUTED);
    let start = Guest::default().with("items", "(func $start (loop $again (br $again))) (start $start)");
    assert_always_fault("busy start", &start, limits_soon(), COMPUTED);
    let realloc = Guest::default().with("realloc", "(loop $again (br $again))");
    assert_always_fault("busy realloc", &realloc, limits_soon(), COMPUTED);
    let after =
        Guest::sends("(return (call $say (i32.const 64)))").with("post-return", "(loop $again (br $again))");
    let meta = send(&after.connector(), &tenant("acme", limits_soon()), HOSTILE);
    assert_meta(&meta, 70, &format!("The connector itself failed: {COMPUTED}"));
}

#[test]
fn a_busy_loop_ends_within_20_ms_of_its_limit() {
    let connector = busy().connector();
    for cpu in [10, 50, 200].map(Duration::from_millis) {
        let mut limits = limits();
        limits.cpu = cpu;
        let tenant = tenant("acme", limits);
        // The best of several: whatever else runs on this machine only makes it longer.
        let taken = (0..5).map(|_| {
            let start = Instant::now();
            let meta = send(&connector, &tenant, HOSTILE);
            assert_meta(&meta, 70, &format!("The connector itself failed: {COMPUTED}"));
            start.elapsed()
        });
        let best = taken.min().unwrap();
        eprintln!("a busy loop with {cpu:?} took {best:?}");
        assert!(best >= cpu && best <= cpu + LATE, "a busy loop with {cpu:?} took {best:?}");
    }
}

#[test]
fn other_tenants_go_on_while_one_computes() {
    let broker = Mosquitto::start();
    let busy = busy().connector();
    let mut limits = limits();
    limits.cpu = Duration::from_millis(500);
    let (acme, other) = (tenant("acme", limits), tenant("other", Limits::default()));
    let (config, request) =
        (config(broker.port()).to_string(), json!({ "topic": "t", "content": "x" }).to_string());
    connector();
    // One thread for all of it.
    let (meta, during, slowest) = block_on(async {
        let ended = AtomicBool::new(false);
        let hostile = async {
            let response = busy.send(&acme, "{}", HOSTILE).await;
            ended.store(true, Ordering::Relaxed);
            response.meta
        };
        let honest = async {
            let (mut during, mut slowest) = (0, Duration::ZERO);
            while !ended.load(Ordering::Relaxed) {
                let start = Instant::now();
                let meta = connector().send(&other, &config, &request).await.meta;
                assert_eq!(meta.exit_code, 0, "{}", meta.message);
                during += 1;
                slowest = slowest.max(start.elapsed());
            }
            (during, slowest)
        };
        let (meta, (during, slowest)) = tokio::join!(hostile, honest);
        (meta, during, slowest)
    });
    eprintln!("{during} sends while another tenant computed, the slowest took {slowest:?}");
    assert_meta(&meta, 70, &format!("The connector itself failed: {COMPUTED}"));
    assert!(during >= 5 && slowest < limits.cpu / 2, "{during} sends, the slowest took {slowest:?}");
}

#[test]
fn waiting_for_the_broker_is_not_computing() {
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::pause(Duration::from_millis(300)),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish()),
            Step::pause(Duration::from_millis(300)),
            Step::respond(PacketType::PubAck),
            Step::expect(Expect::disconnect()),
            Step::expect_end(),
        ])
        .start();
    let tenant = tenant("acme", limits());
    let config = with(&config(broker.port()), json!({ "topic": "t", "content": "x", "qos": 1 })).to_string();
    let meta = block_on(connector().send(&tenant, &config, "{}")).meta;
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    broker.finish();
}

/// Those that end a guest that computes are not what is tested, and a busy machine computes slowly.
fn patient() -> Limits {
    let mut limits = limits();
    limits.cpu = Limits::MOST.cpu;
    limits.timeout = Limits::MOST.timeout;
    limits
}

#[test]
fn memory_beyond_the_limit() {
    let grow = "(loop $again (drop (memory.grow (i32.const 1))) (br $again))";
    assert_fault("memory.grow", &Guest::sends(grow), patient(), MEMORY);
    let at_once = Guest::sends("(drop (memory.grow (i32.const 60000)))");
    assert_fault("memory.grow at once", &at_once, patient(), MEMORY);
    let table =
        Guest::sends("(loop $again (drop (table.grow $grows (ref.null func) (i32.const 1000))) (br $again))")
            .with("items", "(table $grows 1 funcref)");
    assert_fault("table.grow", &table, patient(), MEMORY);
    let table = Guest::sends("(drop (table.grow $grows (ref.null func) (i32.const -2)))")
        .with("items", "(table $grows 1 funcref)");
    assert_fault("table.grow at once", &table, patient(), MEMORY);
    let second = Guest::sends("(loop $again (drop (memory.grow $second (i32.const 1))) (br $again))")
        .with("items", "(memory $second 60)");
    assert_fault("a second memory", &second, patient(), MEMORY);
}

#[test]
fn memory_beyond_the_limit_from_the_start() {
    let large = Guest::default().with("memory", "65536");
    assert_always_fault("4 GiB", &large, limits(), MEMORY);
    let several = Guest::default().with("items", "(memory 40) (memory 40) (memory 40) (memory 40)");
    assert_always_fault("memories of 10 MiB together", &several, limits(), MEMORY);
    let table = Guest::default().with("items", "(table 2000000 funcref)");
    assert_always_fault("a table of 16 MB", &table, limits(), MEMORY);
}

#[test]
fn a_guest_that_is_told_its_own_maximum_lives() {
    let guest = Guest::sends(
        "(return (call $say (select (i32.const 64) (i32.const 300)
           (i32.eq (memory.grow $small (i32.const 10)) (i32.const -1)))))",
    )
    .with("items", "(memory $small 1 2)");
    let meta = send(&guest.connector(), &tenant("acme", limits()), HOSTILE);
    assert_meta(&meta, 64, "said by somebody else's connector");
}

#[test]
fn more_data_than_the_host_takes() {
    // A list of messages whose payloads are all the same bytes: little to have, much to copy.
    let publishes = |count, payload| {
        Guest::sends(&format!(
            "(drop (memory.grow (i32.const 64)))
             (i32.store (i32.const 2304) (i32.const 262144)) (i32.store (i32.const 2308) (i32.const {count}))
             (local.set $at (i32.const 262144))
             (loop $next
               (i32.store offset=8 (local.get $at) (i32.const 0))
               (i32.store offset=12 (local.get $at) (i32.const {payload}))
               (local.set $at (i32.add (local.get $at) (i32.const 80)))
               (br_if $next (i32.lt_u (local.get $at) (i32.const 4000000))))
             (call $publish (i32.const 2048) (i32.const 3072))"
        ))
    };
    assert_fault("payloads", &publishes(100, 262_144), patient(), DATA);
    assert_fault("messages", &publishes(52_000, 0), patient(), DATA);
    assert_fault(
        "messages that are not there",
        &publishes(100_000_000, 0),
        patient(),
        "it broke the contract.",
    );
    let answers = Guest::default().with(
        "send-batch",
        "(local.set $at (i32.const 65536))
         (loop $next
           (i32.store (local.get $at) (i32.const 64))
           (i32.store offset=4 (local.get $at) (i32.const 0))
           (i32.store offset=8 (local.get $at) (i32.const 65536))
           (local.set $at (i32.add (local.get $at) (i32.const 12)))
           (br_if $next (i32.lt_u (local.get $at) (i32.const 196608))))
         (i32.store (i32.const 16) (i32.const 65536))
         (i32.store (i32.const 20) (i32.const 10000))
         (return (i32.const 16))",
    );
    let requests = vec!["{}".to_owned(); 10_000];
    let responses = block_on(answers.connector().send_batch(&tenant("acme", patient()), "{}", &requests));
    assert_eq!(responses.len(), 10_000);
    for response in responses {
        assert_meta(&response.meta, 70, &format!("The connector itself failed: {DATA}"));
    }
}

#[test]
fn publishing_without_end() {
    let publish = "(loop $again (drop (call $publish-some (i32.const {}))) (br $again))";
    // What the tenant may not do is answered at once, so that it counts as computing.
    let mut endless = limits_soon();
    // Room for what publish answers, over and over the same.
    let again =
        "(if (i32.gt_u (global.get $next) (i32.const 131072)) (then (global.set $next (i32.const 65536))))";
    let guest = Guest::sends(&publish.replace("{}", "1")).with("realloc", again);
    let nobody = Arc::new(mqtt_connector::Tenant::builder("nobody").limits(endless).build());
    let meta = send(&guest.connector(), &nobody, HOSTILE);
    assert_meta(&meta, 70, &format!("The connector itself failed: {COMPUTED}"));
    assert_fault("no messages", &Guest::sends(&publish.replace("{}", "0")), limits_soon(), COMPUTED);
    // What it may do goes on until the time is over.
    endless.timeout = Duration::from_millis(500);
    let broker = Mosquitto::start();
    let connector = guest.publishes_to(broker.port()).connector();
    let start = Instant::now();
    let meta = send(&connector, &tenant("acme", endless), HOSTILE);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_meta(&meta, 70, "The connector itself failed: it …. Before that, the broker acknowledged …");
}

#[test]
fn the_timeout_ends_what_the_limit_of_computing_would_not() {
    let mut limits = limits();
    limits.cpu = Duration::from_secs(60);
    limits.timeout = Duration::from_millis(300);
    let start = Instant::now();
    assert_always_fault(
        "busy loop",
        &Guest::default().with("realloc", "(loop $again (br $again))"),
        limits,
        "it did not return in time.",
    );
    assert!(start.elapsed() < Duration::from_secs(3), "two calls took {:?}", start.elapsed());
}

#[test]
fn many_hostile_guests_at_once() {
    let connectors = [
        busy(),
        Guest::sends("unreachable"),
        Guest::sends("(loop $again (drop (memory.grow (i32.const 1))) (br $again))"),
        Guest::sends("(return (call $say (i32.const 300)))"),
    ]
    .map(|guest| guest.connector());
    let runtime = two_workers();
    let connectors = Arc::new(connectors);
    let calls: Vec<_> = (0..40)
        .map(|number| {
            let connectors = Arc::clone(&connectors);
            let tenant = tenant(&format!("tenant-{number}"), limits_soon());
            runtime.spawn(async move { connectors[number % 4].send(&tenant, "{}", HOSTILE).await })
        })
        .collect();
    for call in calls {
        assert_eq!(runtime.block_on(call).unwrap().meta.exit_code, 70);
    }
}
