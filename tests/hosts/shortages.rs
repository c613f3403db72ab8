//! Exit code 71: a host that has too few descriptors left, or gives too little memory.

use std::fs;

use mqtt_connector_tests::Mosquitto;

use crate::support::{NETWORK, Run, VERSIONS};

/// As many descriptors as `wasmtime` may have: more than it needs to start.
const LIMIT: u32 = 64;

/// Each directory that is opened for the program takes a descriptor: with one more and one more of them there comes a number with
/// which the program starts, and has none left. With further ones `wasmtime` itself does not start.
#[test]
fn host_without_descriptors_is_short_of_them() {
    let broker = Mosquitto::start();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("config.json"), "{}").unwrap();
    let [address, name] = ["127.0.0.1", "localhost"].map(|host| format!("tcp://{host}:{}", broker.port()));
    for version in VERSIONS {
        for (url, file, doing) in [
            (&address, None, "connecting to the broker"),
            (&name, None, "looking up the broker"),
            (&address, Some("/1/config.json"), "opening --config /1/config.json"),
        ] {
            let send = |directories: u32| {
                let flags: Vec<String> = (1..=directories).map(|number| format!(".::/{number}")).collect();
                let flags = flags.iter().flat_map(|directory| ["--dir", directory]);
                let flags: Vec<&str> = NETWORK.into_iter().chain(flags).collect();
                let arguments = ["send", "--broker", url, "--client-id", "sender", "--retries", "0"];
                Run::new(version, &flags, &arguments)
                    .args(["--topic", "t", "--content", "x"])
                    .args(file.iter().flat_map(|file| ["--config", file]))
                    .descriptors(LIMIT)
                    .current_dir(directory.path())
                    .run()
            };
            send(1).answers(0, "Sent with QoS 2 to topic \"t\" at … in # ms.");
            let short = (2..LIMIT).map(send).find(|output| output.status != Some(0)).unwrap();
            let descriptors = "too few file descriptors left (see ulimit -n)";
            let message =
                format!("Not sent, this machine has {descriptors}, while {doing}. Sending it again is safe.");
            short.answers(71, &message);
        }
    }
}

#[test]
fn file_for_which_the_host_gives_no_memory_is_a_shortage() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("content"), vec![b'x'; 16 << 20]).unwrap();
    for version in VERSIONS {
        let flags = ["-W", "max-memory-size=8388608", "--dir", "."];
        let arguments = ["send", "--broker", "tcp://127.0.0.1:1", "--client-id", "sender", "--topic", "t"];
        Run::new(version, &flags, &arguments)
            .args(["--content-file", "content"])
            .current_dir(directory.path())
            .run()
            .answers(
                71,
                "Not sent, this machine has too little memory left (wasmtime: -W max-memory-size), while opening \
                 --content-file content. Sending it again is safe.",
            );
    }
}
