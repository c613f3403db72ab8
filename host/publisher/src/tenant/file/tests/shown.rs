//! How much a fault of a file shows: not too much of it, nothing that a terminal obeys, and no line in which a password may stand.

use std::time::{Duration, Instant};

use proptest::proptest;

use super::{Tenants, faults};

#[test]
fn a_large_wrong_file_takes_no_time_and_tells_a_hundred_faults() {
    let began = Instant::now();
    let names = (0..25_000).map(|name| format!("brokerz{name} = 1979-01-01\n")).collect::<String>();
    for (file, count) in [
        // Each of them is wrong in three ways.
        ("=\n".repeat(50_000), 150_000),
        (format!("[tenants.a]\n{names}"), 25_000),
        (format!("[tenants.a.config]\n{names}"), 25_000),
        (format!("[tenants.a]\ntopics = [{}]\n", "5,".repeat(50_000)), 50_000),
        (format!("[tenants.a]\n{} = 1\n", "x".repeat(1_000_000)), 1),
    ] {
        let error = file.parse::<Tenants>().unwrap_err();
        let told = error.faults().len();
        assert_eq!(told, count.min(100));
        assert!((told + error.more()).abs_diff(count) < 2, "{} more", error.more());
        assert!(error.faults().iter().all(|fault| fault.line() < 200));
        assert_eq!(error.to_string().ends_with(" more"), count > 1);
    }
    let large = "#".repeat(1024 * 1024 + 1);
    assert!(large[1..].parse::<Tenants>().is_ok());
    assert_eq!(faults(&large), ["line 1, column 1: the file has 1048577 bytes; at most 1 MiB is read"]);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn what_is_wrong_is_said_in_nothing_that_a_terminal_obeys() {
    for (line, fault) in [
        (
            r#"directories = ["/x\u001b[2J\u202e\n"]"#,
            r"line 2, column 16: tenants.acme.directories: directory grant /x\u{1b}[2J\u{202e}\n: No such file or directory (os error 2)",
        ),
        (
            r#"topics = ["\u001b#\u061c"]"#,
            r##"line 2, column 11: tenants.acme.topics: topic grant "\u{1b}#\u{61c}": # and + stand for whole levels, as in acme/+/state"##,
        ),
    ] {
        assert_eq!(faults(&format!("[tenants.acme]\n{line}\n")), [fault]);
    }
    for line in [
        r#"brokers = ["\u001b\u202e", "tcp://\u001b\u202e", "\u001b\u202e://a", "tcp://a:\u001b\u202e"]"#,
        r#"limits.cpu = "1 \u001b\u202e""#,
        r#"limits.connections = "\u001b\u202e""#,
        r#""\u001b\u202e" = 1"#,
    ] {
        let error = format!("[tenants.acme]\n{line}\n").parse::<Tenants>().unwrap_err().to_string();
        assert!(!error.contains(['\u{1b}', '\u{202e}']), "{error:?}");
    }
}

/// Found by `make fuzz`: a fault was as long as the text that it is about, several times over.
#[test]
fn a_long_text_is_shown_by_its_start_and_its_end() {
    let long = "\\u001b".repeat(10_000);
    let tcp = |host: &str| format!("\"tcp://{host}\"");
    let path = |start: &str| format!("\"{start}{long}\"");
    for (count, line) in [
        (2, format!("brokers = [{}, {}]", tcp(&long), tcp(&format!("a/{long}")))),
        (2, format!("brokers = [\"{long}://a\", {}]", tcp(&format!("a:{long}")))),
        (
            2,
            format!("brokers = [{}, {}]", tcp(&format!("a:{long}@{long}")), tcp(&format!("10.0.0.0/{long}"))),
        ),
        (1, format!("topics = [\"a#{long}\"]")),
        (3, format!("directories = [{}, {}, {}]", path(""), path("/"), path("/../"))),
        (1, format!("limits.cpu = {}", path(""))),
        (1, format!("limits.cpu = {}", path("1 "))),
        (1, format!("limits.cpu = \"{}2 h\"", "0".repeat(100_000))),
        (1, format!("limits.connections = {}", path(""))),
        (1, format!("limits.{} = 1", path(""))),
        (1, format!("{} = 1", path(""))),
        (1, format!("config.{}.{} = 1979-01-01", path(""), path(""))),
    ] {
        let faults = faults(&format!("[tenants.acme]\n{line}\n"));
        assert_eq!(faults.len(), count, "{faults:?}");
        for fault in faults {
            assert!(fault.len() < 5_000, "{} bytes: {fault}", fault.len());
        }
    }
    let topics = format!("[tenants.acme]\ntopics = [\"{}/#/{}\"]\n", "a".repeat(200), "b".repeat(200));
    let (start, end) = ("a".repeat(150), "b".repeat(50));
    let reason = "# stands only at the end, as in acme/#";
    assert_eq!(
        faults(&topics),
        [format!("line 2, column 11: tenants.acme.topics: topic grant \"{start}…{end}\": {reason}")]
    );
}

/// A line of the file may hold a password: none is ever shown, whatever is wrong with it.
#[test]
fn what_is_wrong_with_the_syntax_is_said_without_the_line() {
    for (line, fault) in [
        (
            "password = planted",
            "line 3, column 12: the file is not TOML: string values must be quoted, expected literal string",
        ),
        (
            "password = \"planted",
            "line 3, column 20: the file is not TOML: invalid basic string, expected `\"`",
        ),
        ("password \"planted\"", "line 3, column 10: the file is not TOML: key with no value, expected `=`"),
        (
            "password = \"planted\\q\"",
            "line 3, column 21: the file is not TOML: missing escaped value, expected `b`, `e`, `f`, `n`, `r`, `\\`, `\"`, `x`, `u`, `U`",
        ),
        ("password = \"a\"\npassword = \"planted\"", "line 4, column 1: the file is not TOML: duplicate key"),
        (
            "password = 1979-13-01 # planted",
            "line 3, column 12: the file is not TOML: invalid date, expected month between 01 and 12",
        ),
    ] {
        let file = format!("[tenants.acme]\n[tenants.acme.config]\n{line}\n");
        let error = file.parse::<Tenants>().unwrap_err();
        assert_eq!(faults(&file), [fault], "{line}");
        assert!(!format!("{error:?}").contains("planted"), "{error:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_tell_a_configuration(
        before in r#"(?s).{0,20}|[\[\]{}="'#\n.a-z0-9 -]{0,30}"#,
        after in r#"(?s).{0,20}|[\[\]{}="'#\n.a-z0-9 -]{0,30}"#,
    ) {
        let file = format!("[tenants.acme.config]\n{before}\npassword = \"planted\" {after}");
        if let Err(error) = file.parse::<Tenants>() {
            assert!(!error.faults().is_empty());
            assert!(!format!("{error} {error:?}").contains("planted"), "{error}");
        }
    }
}
