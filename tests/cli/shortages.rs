//! A machine that has too little of something: at each limit a send goes well or says what is missing, and it never panics,
//! nor takes that for something else.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use mqtt_connector_tests::Mosquitto;
use mqtt_connector_tests::pattern::fits;
use mqtt_connector_tests::pki::Pki;

use crate::support::{Output, Program, write};

const DESCRIPTORS: &str = "too few file descriptors left (see ulimit -n)";
const MEMORY: &str = "too little memory left (see ulimit -v)";
const THREADS: &str = "too few threads left (see ulimit -u)";

/// The program under a limit of the shell, such as `-n 9`. Descriptors count that whatever runs the tests has left open: they
/// are closed before.
fn limited(limit: &str, arguments: &[&str]) -> Output {
    let closed = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-";
    let script = format!("{closed} && ulimit {limit} && exec \"$0\" \"$@\"");
    let program = ["-c", &script, env!("CARGO_BIN_EXE_mqtt-connector")];
    Program::at(Path::new("/bin/sh")).args(program).args(arguments.iter().copied()).run()
}

/// Asserts that it answers `sent`, or that there was too little of `what`; whether it is the first.
#[track_caller]
fn assert_sent_or_short(limit: &str, output: &Output, sent: &str, what: &str) -> bool {
    let short = format!("Not sent, this machine has {what}, while …. Sending it again is safe.");
    let message = output.message();
    let is_sent = output.status == Some(0) && fits(&message, sent);
    assert!(is_sent || output.status == Some(71) && fits(&message, &short), "{limit}: {output:#?}");
    assert_eq!(output.stderr, "", "{limit}");
    is_sent
}

#[test]
fn a_send_with_few_descriptors_goes_well_or_says_that_they_are_few() {
    let pki = Pki::new();
    let plain = Mosquitto::start();
    let secured = Mosquitto::builder().tls(&pki.server(&["localhost"])).start();
    let directory = tempfile::tempdir().unwrap();
    let config = write(&directory, "config.json", r#"{"topic":"t","client-id":"c","content":"x"}"#);
    let urls = [
        format!("tcp://127.0.0.1:{}", plain.port()),
        format!("tcp://localhost:{}", plain.port()),
        format!("ssl://localhost:{}", secured.port()),
    ];
    let authority = pki.authority().path_str();
    for (command, answer) in
        [("send", "Sent with QoS 2 to …"), ("check", "The message would be sent with QoS 2 to …")]
    {
        for url in &urls {
            let run = |descriptors: u32| {
                let limit = format!("-n {descriptors}");
                let arguments = [command, "--broker", url, "--config", &config, "--root-ca-crt", authority];
                assert_sent_or_short(&limit, &limited(&limit, &arguments), answer, DESCRIPTORS)
            };
            // The loader needs one, too.
            assert!(!run(4), "{command} {url}");
            for descriptors in 5..=16 {
                run(descriptors);
            }
            assert!(run(64), "{command} {url}");
        }
    }
}

#[test]
fn a_send_with_little_memory_goes_well_or_says_that_it_is_little() {
    let broker = Mosquitto::start();
    let url = format!("tcp://localhost:{}", broker.port());
    let run = |kibibytes: u64| {
        let limit = format!("-v {kibibytes}");
        let output = limited(
            &limit,
            &["send", "--broker", &url, "--client-id", "c", "--topic", "t", "--content", "x"],
        );
        assert_sent_or_short(&limit, &output, "Sent with QoS 2 to …", MEMORY)
    };
    // With less, this program is too large itself, which is not made for its size here.
    let (mut too_little, mut enough) = (500_000, 20_000_000);
    assert!(!run(too_little) && run(enough));
    while enough - too_little > 500 {
        let middle = (too_little + enough) / 2;
        if run(middle) {
            enough = middle;
        } else {
            too_little = middle;
        }
    }
}

/// Where there is room for one instance, batches of lines wait for each other.
#[test]
fn no_line_is_lost_where_there_is_memory_for_one_batch_at_a_time() {
    let broker = Mosquitto::start();
    let url = format!("tcp://127.0.0.1:{}", broker.port());
    let directory = tempfile::tempdir().unwrap();
    let lines = write(&directory, "lines", "x\n".repeat(500));
    let send =
        ["send", "--broker", &url, "--client-id", "c", "--topic", "t", "--qos", "1", "--lines", &lines];
    limited("-v 6000000", &send).answers(0, "Sent 500 of 500 lines in # s (# a second).");
}

/// The program as somebody who may have so many threads, which are what `ulimit -u` counts. Nobody limits what root may have, so
/// that it is somebody else then.
struct Threads {
    directory: tempfile::TempDir,
    program: String,
    is_root: bool,
}

impl Threads {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let everybody = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(directory.path(), everybody).unwrap();
        let program = directory.path().join("mqtt-connector");
        let own = Path::new(env!("CARGO_BIN_EXE_mqtt-connector"));
        std::fs::copy(own, &program).unwrap();
        let compiler = "mqtt-connector-compile";
        std::fs::copy(own.with_file_name(compiler), program.with_file_name(compiler)).unwrap();
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        Self { program: program.to_str().unwrap().to_owned(), directory, is_root }
    }

    fn run(&self, threads: u32, arguments: &[&str]) -> Output {
        let somebody = ["setpriv", "--reuid=65534", "--clear-groups"];
        let limit = ["prlimit", &format!("--nproc={threads}"), &self.program];
        let program = Program::at(Path::new("/usr/bin/env"));
        let program = if self.is_root { program.args(somebody) } else { program };
        program.args(limit).args(arguments.iter().copied()).run()
    }
}

#[test]
fn a_send_without_threads_goes_well_or_says_that_there_are_none() {
    let broker = Mosquitto::start();
    let threads = Threads::new();
    let lines = write(&threads.directory, "lines", "a\nb\n");
    let long = write(&threads.directory, "long", "x".repeat(100_000));
    let component = write(&threads.directory, "component.wasm", mqtt_connector::component());
    let (address, name) =
        (format!("tcp://127.0.0.1:{}", broker.port()), format!("tcp://localhost:{}", broker.port()));
    for (url, more, needs) in [
        (&address, &["--content", "x"][..], None),
        (&address, &["--content-file", &long], None),
        (&name, &["--content", "x"], Some("looking up the broker")),
        (&address, &["--lines", &lines], Some("loading the component")),
        (&address, &["--content", "x", "--component", &component], Some("the files were read")),
    ] {
        let send = [&["send", "--broker", url, "--client-id", "c", "--topic", "t"], more].concat();
        let output = threads.run(1, &send);
        match needs {
            None => output.answers(0, "Sent with QoS 2 to topic \"t\" at … in # ms."),
            Some(doing) => output.answers(
                71,
                &format!("Not sent, this machine has {THREADS}, while {doing}. Sending it again is safe."),
            ),
        }
        for count in 2..=3 {
            assert_sent_or_short(&format!("-u {count}"), &threads.run(count, &send), "Sent …", THREADS);
        }
    }
}
