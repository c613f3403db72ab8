//! WASI 0.2 is there for whoever imports it, and empty.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use mqtt_connector::Limits;
use mqtt_connector_tests::Mosquitto;

use super::{Guest, HOSTILE, limits, limits_soon, send, tenant};
use crate::support::{assert_meta, block_on};

const IMPORTS: &str = r#"
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))
    (export "get-arguments" (func (result (list string))))
    (export "initial-cwd" (func (result (option string))))))
  (import "wasi:cli/exit@0.2.0" (instance $exit (export "exit" (func (param "status" (result))))))
  (import "wasi:random/random@0.2.3" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (import "wasi:clocks/wall-clock@0.2.0" (instance $clock
    (type $record (record (field "seconds" u64) (field "nanoseconds" u32)))
    (export "datetime" (type $datetime (eq $record)))
    (export "now" (func (result $datetime)))))
  (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $error))
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $self (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $self))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $monotonic
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $timer (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $timer))))))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (alias outer 1 $error (type $outer))
    (export "error" (type $failure (eq $outer)))
    (type $variant (variant (case "last-operation-failed" (own $failure)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $variant)))
    (export "output-stream" (type $self (sub resource)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $self)) (param "contents" (list u8)) (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output-stream (type $outer))
    (export "output-stream" (type $stream (eq $outer)))
    (export "get-stdout" (func (result (own $stream))))))
  (import "wasi:filesystem/types@0.2.0" (instance $files (export "descriptor" (type (sub resource)))))
  (alias export $files "descriptor" (type $descriptor))
  (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
    (alias outer 1 $descriptor (type $outer))
    (export "descriptor" (type $directory (eq $outer)))
    (export "get-directories" (func (result (list (tuple (own $directory) string)))))))
  (import "wasi:sockets/network@0.2.0" (instance $network
    (type $codes (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
      "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit" "address-not-bindable"
      "address-in-use" "remote-unreachable" "connection-refused" "connection-reset" "connection-aborted"
      "datagram-too-large" "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure"))
    (export "error-code" (type (eq $codes)))
    (type $families (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type (eq $families)))))
  (alias export $network "error-code" (type $error-code))
  (alias export $network "ip-address-family" (type $family))
  (import "wasi:sockets/tcp@0.2.0" (instance $tcp (export "tcp-socket" (type (sub resource)))))
  (alias export $tcp "tcp-socket" (type $tcp-socket))
  (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $create
    (alias outer 1 $error-code (type $outer-code)) (export "error-code" (type $code (eq $outer-code)))
    (alias outer 1 $family (type $outer-family)) (export "ip-address-family" (type $of (eq $outer-family)))
    (alias outer 1 $tcp-socket (type $outer-socket)) (export "tcp-socket" (type $socket (eq $outer-socket)))
    (export "create-tcp-socket" (func (param "address-family" $of) (result (result (own $socket) (error $code)))))))
"#;

/// The functions, with the types that they have in a core module.
const FUNCTIONS: [(&str, &str, &str); 12] = [
    ("environment", "get-environment", "(param i32)"),
    ("environment", "get-arguments", "(param i32)"),
    ("environment", "initial-cwd", "(param i32)"),
    ("exit", "exit", "(param i32)"),
    ("random", "get-random-bytes", "(param i64 i32)"),
    ("clock", "now", "(param i32)"),
    ("monotonic", "subscribe-duration", "(param i64) (result i32)"),
    ("poll", "[method]pollable.block", "(param i32)"),
    ("stdout", "get-stdout", "(result i32)"),
    ("streams", "[method]output-stream.blocking-write-and-flush", "(param i32 i32 i32 i32)"),
    ("preopens", "get-directories", "(param i32)"),
    ("create", "create-tcp-socket", "(param i32 i32)"),
];

/// A guest with all of WASI that it could do harm with, which does `body` when it is asked to send `{}`.
fn sends(body: &str) -> Guest {
    let (mut lowered, mut imports, mut exports) = (String::new(), String::new(), String::new());
    for (instance, function, core_type) in FUNCTIONS {
        let name = function.rsplit('.').next().unwrap();
        lowered += &format!(
            "(alias export ${instance} \"{function}\" (func ${name}))
             (core func ${name} (canon lower (func ${name}) (memory $memory) (realloc $realloc)))\n"
        );
        imports += &format!("(import \"host\" \"{name}\" (func ${name} {core_type}))\n");
        exports += &format!("(export \"{name}\" (func ${name}))\n");
    }
    Guest::sends(body)
        .with("imports", IMPORTS)
        .with("lowered", &lowered)
        .with("core-imports", &imports)
        .with("core-exports", &exports)
}

/// Prints text that stands at an address.
fn prints(at: usize, length: usize) -> String {
    format!(
        "(local.set $at (call $get-stdout))
         (call $blocking-write-and-flush (local.get $at) (i32.const {at}) (i32.const {length}) (i32.const 32))"
    )
}

#[test]
fn nothing_is_in_it() {
    let broker = Mosquitto::start();
    // Lists that are empty have the length 0; a socket that may not be has the error 1, access-denied.
    let empty = |function, code| {
        format!(
            "(call ${function} (i32.const 32))
             (if (i32.load (i32.const 36)) (then (return (call $say (i32.const {code})))))"
        )
    };
    let body = [
        empty("get-environment", 1),
        empty("get-arguments", 2),
        empty("get-directories", 3),
        "(call $initial-cwd (i32.const 32))
         (if (i32.load8_u (i32.const 32)) (then (return (call $say (i32.const 4)))))
         (call $create-tcp-socket (i32.const 0) (i32.const 32))
         (if (i32.ne (i32.load8_u (i32.const 32)) (i32.const 1)) (then (return (call $say (i32.const 5)))))
         (if (i32.ne (i32.load8_u (i32.const 36)) (i32.const 1)) (then (return (call $say (i32.const 66)))))
         ;; Clocks and random numbers it has.
         (call $now (i32.const 40))
         (if (i64.lt_u (i64.load (i32.const 40)) (i64.const 1700000000)) (then (return (call $say (i32.const 68)))))
         (call $get-random-bytes (i64.const 1000) (i32.const 32))
         (if (i32.ne (i32.load (i32.const 36)) (i32.const 1000)) (then (return (call $say (i32.const 69)))))
         (call $block (call $subscribe-duration (i64.const 1000000)))
         (return (call $say (i32.const 64)))"
            .to_owned(),
    ]
    .concat();
    let connector = sends(&body).publishes_to(broker.port()).connector();
    let meta = send(&connector, &tenant("acme", limits()), HOSTILE);
    assert_meta(&meta, 64, "said by somebody else's connector");
    let meta = send(&connector, &tenant("acme", Limits::default()), super::HONEST);
    assert_meta(&meta, 0, "said by somebody else's connector");
}

#[test]
fn what_it_is_misused_for() {
    for (what, body, message) in [
        ("exit", "(call $exit (i32.const 0))", "it exited instead of returning."),
        ("exit with an error", "(call $exit (i32.const 1))", "it exited instead of returning."),
        ("an hour's sleep", "(call $block (call $subscribe-duration (i64.const 3600000000000)))", "it did not return in time."),
        ("a lot of random bytes", "(call $get-random-bytes (i64.const 1099511627776) (i32.const 32))", "it broke the contract."),
        ("timers without end", "(loop $again (drop (call $subscribe-duration (i64.const 1))) (br $again))", "it broke the contract."),
        ("streams without end", "(loop $again (drop (call $get-stdout)) (br $again))", "it broke the contract."),
        ("a handle that is none", "(call $block (i32.const 77))", "it broke the contract."),
        (
            "output without end",
            "(loop $again (call $blocking-write-and-flush (call $get-stdout) (i32.const 512) (i32.const 33) (i32.const 32)) (br $again))",
            "it broke the contract.",
        ),
        (
            "output without end, to one stream",
            "(local.set $at (call $get-stdout))
             (loop $again (call $blocking-write-and-flush (local.get $at) (i32.const 512) (i32.const 33) (i32.const 32)) (br $again))",
            "it computed for longer than the tenant's limit allows.",
        ),
    ] {
        let mut limits = if message.contains("computed") { limits_soon() } else { limits() };
        if message.contains("in time") {
            limits.timeout = Duration::from_millis(300);
        }
        let start = Instant::now();
        let meta = send(&sends(body).connector(), &tenant("acme", limits), HOSTILE);
        eprintln!("{what}: {}", meta.message);
        assert_meta(&meta, 70, &format!("The connector itself failed: {message}"));
        assert!(start.elapsed() < Duration::from_secs(5), "{what} took {:?}", start.elapsed());
    }
}

/// What is logged while `run` runs, at every level.
fn logged<T>(run: impl FnOnce() -> T) -> (T, String) {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    // With only one subscriber alive, tracing asks the thread that comes to an event first whether anybody listens, and
    // remembers its answer for all threads: it may be another test's.
    static SECOND: OnceLock<tracing::Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| tracing::Dispatch::new(tracing_subscriber::registry()));
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("trace")
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let result = tracing::subscriber::with_default(subscriber, run);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (result, log)
}

#[test]
fn what_it_prints_is_in_the_log_without_what_the_tenant_gave() {
    // It prints a line with an escape sequence, and then its configuration, which the host wrote to 65536.
    let line = "careful\\1b[2J\\n";
    let config = r#"{"password": "pl4nted-secret", "broker": "tcp://somewhere.example"}"#;
    let body = prints(1024, 12) + &prints(65_536, config.len()) + "(return (call $say (i32.const 64)))";
    let connector = sends(&body).with("items", &format!("(data (i32.const 1024) \"{line}\")")).connector();
    let (meta, log) = logged(|| block_on(connector.send(&tenant("acme", limits()), config, HOSTILE)).meta);
    assert_meta(&meta, 64, "said by somebody else's connector");
    let printed =
        log.lines().find(|line| line.contains("mqtt_connector::guest")).unwrap_or_else(|| panic!("{log}"));
    for part in ["DEBUG", "acme", "stdout", "careful", "password", "***"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    for part in ["pl4nted", "somewhere.example", "\u{1b}"] {
        assert!(!log.contains(part), "{part}: {log}");
    }
}

#[test]
fn what_is_wrong_is_in_the_log_and_not_in_the_answer() {
    let guest =
        Guest::sends("(return (call $trapper))").with("items", "(func $trapper (result i32) unreachable)");
    let (meta, log) = logged(|| send(&guest.connector(), &tenant("acme", limits()), HOSTILE));
    assert_meta(&meta, 70, "The connector itself failed: it trapped.");
    let line = log.lines().find(|line| line.contains("ERROR")).unwrap_or_else(|| panic!("{log}"));
    for part in ["acme", "it trapped", "trapper", "unreachable"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}
