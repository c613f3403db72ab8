//! The conformance suite as a person runs it: its lines, its exit status, and that a liar does not pass.

use std::process::Command;

/// What the suite prints about a shell script, and its exit status.
fn judged(options: &[&str], script: &str) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(options)
        .args(["sh", "-c", script])
        .output()
        .unwrap_or_else(|error| panic!("conformance: {error}"));
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&said).into_owned(), output.status.code())
}

/// It reads its line, and reaches nobody.
const LIAR: &str = r#"read line; echo '{"meta":{"exit-code":0,"message":"Sent."}}'"#;

#[test]
fn a_program_that_says_sent_and_sends_nothing_passes_nothing() {
    let (said, status) = judged(&["--mqtt", "3.1.1"], LIAR);
    assert_eq!(status, Some(1), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.iter().all(|line| !line.starts_with("pass")), "{said}");
    let failed = lines.iter().filter(|line| line.starts_with("FAIL  ")).count();
    assert!(failed > 20, "{said}");
    assert_eq!(lines.last().copied(), Some(format!("0 of {failed}").as_str()), "{said}");
    assert!(
        said.contains(
            "FAIL  a message that was acknowledged was sent: MQTT 3.1.1 over tcp, request {\"qos\":2}: exit code 0\n"
        ),
        "{said}"
    );
}

#[test]
fn a_program_that_is_right_about_a_host_passes_there() {
    let script = r#"read line; echo '{"meta":{"exit-code":68,"message":"Not found."}}'"#;
    let (said, status) = judged(&["--mqtt", "5", "--only", "does not exist"], script);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.starts_with("pass  a host that does not exist is not found: MQTT 5 over tcp, "), "{said}");
    assert!(said.ends_with("\n1 of 1\n"), "{said}");
}

#[test]
fn what_is_no_answer_is_told() {
    for (script, told) in [
        ("cat >/dev/null", "standard output is not one line"),
        ("cat >/dev/null; yes", "standard output is not one line"),
        ("cat >/dev/null; echo hello", "the line is not JSON"),
        ("cat >/dev/null; echo '{\"meta\":{}}'", "the line has no meta with exit-code and message"),
        (
            "cat >/dev/null; echo oops >&2; exit 3",
            "exit status: 3, standard output \"\", standard error \"oops\\n\"",
        ),
    ] {
        let (said, status) = judged(&["--only", "does not exist"], script);
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(told), "{told:?} is not in: {said}");
        assert!(said.len() < 100_000, "{}", said.len());
    }
}

#[test]
fn a_command_line_that_cannot_be_used_is_told() {
    for (options, told) in [
        (&["--over", "udp"][..], "\"udp\" is none of tcp, ssl, ws, wss"),
        (&["--mqtt", "4"], "--mqtt wants 3.1.1 or 5, and got \"4\""),
        (&["--timeout", "soon"], "--timeout wants a number of milliseconds"),
        (&["--fast"], "--fast is not an option"),
        (&["--only", "nothing like it"], "no scenario was asked for"),
    ] {
        let (said, status) = judged(options, "true");
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains(told), "{told:?} is not in: {said}");
    }
}
