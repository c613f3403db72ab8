//! What breaks the contract or traps.

use mqtt_connector::Limits;
use mqtt_connector_tests::{Observer, ScriptedBroker};

use super::{Guest, HOSTILE, assert_always_fault, assert_fault, limits, send, tenant};
use crate::support::{assert_meta, block_on};

/// An endless recursion, as an item of the core module.
const RECURSION: &str = "(func $deeper (param i32) (result i32)
  (i32.add (i32.const 1) (call $deeper (i32.add (local.get 0) (i32.const 1)))))";

/// WAT that answers with `code` and the bytes of `text`.
fn answers(code: i32, text: &[u8]) -> Guest {
    let escaped: String = text.iter().map(|byte| format!("\\{byte:02x}")).collect();
    Guest::sends(&format!(
        "(return (call $answer (i32.const {code}) (i32.const 1024) (i32.const {})))",
        text.len()
    ))
    .with("items", &format!("(data (i32.const 1024) \"{escaped}\")"))
}

/// WAT that answers with `code`, and `pages` fresh pages full of `x` as the text, or `length` bytes of them.
fn answers_much(code: i32, pages: usize, length: usize) -> Guest {
    Guest::sends(&format!(
        "(local.set $at (memory.grow (i32.const {pages})))
         (if (i32.eq (local.get $at) (i32.const -1)) (then unreachable))
         (local.set $at (i32.mul (local.get $at) (i32.const 65536)))
         (memory.fill (local.get $at) (i32.const 120) (i32.const {length}))
         (return (call $answer (i32.const {code}) (local.get $at) (i32.const {length})))"
    ))
}

#[test]
fn what_traps() {
    for (what, body) in [
        ("unreachable", "unreachable"),
        ("division by zero", "(return (i32.div_u (i32.const 1) (i32.const 0)))"),
        ("a load outside its memory", "(return (i32.load (i32.const -8)))"),
        ("a store outside its memory", "(i32.store (i32.const -8) (i32.const 1))"),
    ] {
        assert_fault(what, &Guest::sends(body), limits(), "it trapped.");
    }
    let missing = Guest::sends("(return (call_indirect $nowhere (result i32) (i32.const 7)))")
        .with("items", "(table $nowhere 8 funcref)");
    assert_fault("a call of no function", &missing, limits(), "it trapped.");
}

#[test]
fn recursion_without_end() {
    let guest = Guest::sends("(return (call $deeper (i32.const 0)))").with("items", RECURSION);
    assert_fault("recursion", &guest, limits(), "it used more stack than there is.");
    let guest =
        Guest::default().with("realloc", "(return (call $deeper (i32.const 0)))").with("room", RECURSION);
    assert_always_fault("recursion in realloc", &guest, limits(), "it used more stack than there is.");
}

#[test]
fn an_answer_that_leads_nowhere() {
    for (what, body) in [
        ("a record outside its memory", "(return (i32.const -16))"),
        ("a record that is not aligned", "(return (i32.const 17))"),
        (
            "a text outside its memory",
            "(return (call $answer (i32.const 64) (i32.const -64) (i32.const 32)))",
        ),
        (
            "a text of 100 MiB that is not there",
            "(return (call $answer (i32.const 64) (i32.const 0) (i32.const 104857600)))",
        ),
        ("a text of 4 GiB", "(return (call $answer (i32.const 64) (i32.const 0) (i32.const -1)))"),
    ] {
        assert_fault(what, &Guest::sends(body), limits(), "it broke the contract.");
    }
    let nowhere = Guest::default().with("realloc", "(return (i32.const -16))");
    assert_always_fault("room outside its memory", &nowhere, limits(), "it broke the contract.");
}

#[test]
fn an_answer_that_is_too_long() {
    let allowed = "of 65536 allowed.";
    let message = format!("its message has 65537 bytes, {allowed}");
    assert_fault("64 KiB and one byte", &answers_much(64, 2, 65_537), limits(), &message);
    let mut limits = Limits::default();
    let message = format!("its message has 10485760 bytes, {allowed}");
    assert_fault("10 MiB", &answers_much(64, 160, 10 << 20), limits, &message);
    let message = "it used more memory than the tenant's limit allows.";
    assert_fault("100 MiB, of 64 MiB allowed", &answers_much(64, 1600, 100 << 20), limits, message);
    limits.memory = 256 << 20;
    let message = format!("its message has 104857600 bytes, {allowed}");
    assert_fault("100 MiB, of 256 MiB allowed", &answers_much(64, 1600, 100 << 20), limits, &message);
}

#[test]
fn an_answer_of_65536_bytes_is_believed() {
    let connector = answers_much(64, 1, 65_536).connector();
    let meta = send(&connector, &tenant("acme", limits()), HOSTILE);
    assert_eq!((meta.exit_code, meta.message.len()), (64, 65_536));
}

#[test]
fn the_longest_message_of_the_built_in_component_is_believed() {
    // Every one is shown escaped, in full length.
    let names = (0..1000).map(|index| format!("\"{index:03}{}\":1", "\\u202e".repeat(100)));
    let request = format!("{{{}}}", names.collect::<Vec<_>>().join(","));
    let meta = block_on(crate::support::connector().send(&crate::support::operator(), "{}", &request)).meta;
    assert_eq!(meta.exit_code, 64, "{}", meta.message);
    assert!(meta.message.len() > 20_000, "{}", meta.message.len());
}

#[test]
fn an_answer_that_misleads_a_reader() {
    for text in [
        "two\nlines",
        "a tab\t",
        "carriage\rreturn",
        "nul\0",
        "\u{1b}[2J\u{1b}[H",
        "\u{1b}]0;title\u{7}",
        "delete\u{7f}",
        "C1 \u{9b}31m",
        "reversed \u{202e}txet",
        "isolate \u{2066}x",
        "line\u{2028}separator",
        "paragraph\u{2029}",
    ] {
        let what = text.escape_unicode().to_string();
        assert_fault(&what, &answers(64, text.as_bytes()), limits(), "its message has control characters.");
    }
    for text in [&b"\xff"[..], b"\xc3\x28", b"\xed\xa0\x80", b"cut off \xe2\x82"] {
        assert_fault(&format!("{text:?}"), &answers(64, text), limits(), "it broke the contract.");
    }
}

#[test]
fn an_exit_code_that_is_not_documented() {
    for code in [-1, i32::MIN, 6, 63, 80, 127, 163, 255, 256, 300, 0x4000_0000, i32::MAX] {
        let message = format!("it answered with exit code {code}, which the contract does not have.");
        assert_fault("exit code", &answers(code, b"hello"), limits(), &message);
    }
}

#[test]
fn a_documented_exit_code_is_the_guests_to_choose() {
    for code in [1, 5, 64, 70, 77, 79, 128, 162] {
        let meta = send(&answers(code, "wörds".as_bytes()).connector(), &tenant("acme", limits()), HOSTILE);
        assert_meta(&meta, code, "wörds");
    }
}

#[test]
fn publishing_from_where_it_may_not() {
    // While the host writes into its memory, and when it has answered, a component may not call the host.
    let message = "it broke the contract.";
    let guest = Guest::sends("(return (call $say (i32.const 64)))")
        .with("post-return", "(drop (call $publish-some (i32.const 1)))");
    let connector = guest.connector();
    let meta = send(&connector, &tenant("acme", limits()), HOSTILE);
    assert_meta(&meta, 70, &format!("The connector itself failed: {message}"));
}

#[test]
fn what_fails_after_a_message_was_sent_says_so() {
    let publishes =
        |count, then| Guest::sends(&format!("(drop (call $publish-some (i32.const {count}))) {then}"));
    assert_fault(
        "trap",
        &publishes(1, "unreachable"),
        limits(),
        "it trapped. Before that, the broker acknowledged 1 message.",
    );
    assert_fault(
        "exit code",
        &publishes(3, "(return (call $say (i32.const 300)))"),
        limits(),
        "it answered with exit code 300, which the contract does not have. Before that, the broker acknowledged 3 messages.",
    );
}

#[test]
fn a_dry_run_that_publishes() {
    let broker = ScriptedBroker::untouched();
    let publishes = "(drop (call $publish-some (i32.const 1)))";
    let guest =
        Guest::default().with("check", publishes).with("schema", publishes).publishes_to(broker.port());
    let connector = guest.connector();
    let message = "The connector itself failed: it published in a dry run.";
    let meta = block_on(connector.check(&tenant("acme", limits()), "{}", "{}")).meta;
    assert_meta(&meta, 70, message);
    let meta = block_on(connector.schema()).unwrap_err().meta;
    assert_meta(&meta, 70, message);
    broker.finish();
}

#[test]
fn a_schema_that_is_no_text() {
    let grown = |length: usize| {
        Guest::default().with(
            "schema",
            &format!(
                "(i32.store (i32.const 16) (i32.mul (memory.grow (i32.const 32)) (i32.const 65536)))
                 (i32.store (i32.const 20) (i32.const {length}))
                 (memory.fill (i32.load (i32.const 16)) (i32.const 120) (i32.const {length}))
                 (return (i32.const 16))"
            ),
        )
    };
    assert_eq!(block_on(grown(1 << 20).connector().schema()).unwrap().len(), 1 << 20);
    let meta = block_on(grown((1 << 20) + 1).connector().schema()).unwrap_err().meta;
    assert_meta(&meta, 70, "The connector itself failed: its message has 1048577 bytes, of 1048576 allowed.");
    let escape = Guest::default().with("items", "(data (i32.const 520) \"\\1b[2J\")").connector();
    let meta = block_on(escape.schema()).unwrap_err().meta;
    assert_meta(&meta, 70, "The connector itself failed: its message has control characters.");
}

#[test]
fn an_honest_guest_in_another_language() {
    let broker = mqtt_connector_tests::Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let connector = Guest::default().publishes_to(broker.port()).connector();
    let meta = send(&connector, &tenant("acme", Limits::default()), super::HONEST);
    assert_meta(&meta, 0, "said by somebody else's connector");
    let messages = observer.messages(1, crate::support::PATIENCE);
    assert_eq!((messages[0].topic.as_str(), messages[0].qos), ("t", 1));
    assert_eq!(messages[0].payload, b"said by somebody else's connector");
    let meta = block_on(connector.check(&tenant("acme", limits()), "{}", "{}")).meta;
    assert_meta(&meta, 0, "said by somebody else's connector");
}
