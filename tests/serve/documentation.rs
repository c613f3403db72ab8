//! The commands of `docs/service.md` and the clients of `examples/clients`, as they stand there.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use mqtt_connector_tests::pattern::fits;
use mqtt_connector_tests::{Mosquitto, Observer};

use crate::example::example;
use crate::support::{ACME, Home, PATIENCE, Service, repository, tool};

/// The commands of a page, each with what it prints.
fn commands(page: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for block in page.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for line in block.lines() {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), String::new())),
                (None, Some((_, printed))) => {
                    printed.push_str(line);
                    printed.push('\n');
                }
                (None, None) => panic!("no command before {line:?}"),
            }
        }
    }
    commands
}

#[test]
fn the_page_does_what_it_says() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    let page = fs::read_to_string(repository("docs/service.md")).unwrap();
    let commands = commands(&page);
    assert_eq!(commands.len(), 15);
    let mut script = format!("URL=http://{}; AUTH='Authorization: Bearer {ACME}'\n", service.address());
    for (number, (command, _)) in commands.iter().enumerate() {
        writeln!(script, "{{ {command}; }} > {number}.out 2>&1").unwrap();
    }
    let status = Command::new("bash").args(["-c", &script]).current_dir(home.path()).status().unwrap();
    assert!(status.success());
    for (number, (command, wanted)) in commands.iter().enumerate() {
        let printed = fs::read_to_string(home.path().join(format!("{number}.out"))).unwrap();
        let wanted = wanted.trim_end();
        assert!(fits(printed.trim_end(), wanted), "$ {command}\nwanted: {wanted}\n   got: {printed}");
    }
}

#[test]
fn the_tables_of_the_page_are_whole() {
    let page = fs::read_to_string(repository("docs/service.md")).unwrap();
    let document = mqtt_connector_service::http::openapi();
    for (path, item) in document["paths"].as_object().unwrap() {
        let shown = path.strip_prefix("/v1/executions/{id}/").map_or(path.clone(), |last| format!("/{last}"));
        assert!(page.contains(&format!("{shown}`")) || path == "/openapi.json", "{path} is not on the page");
        for operation in item.as_object().unwrap().values() {
            for status in operation["responses"]
                .as_object()
                .unwrap()
                .keys()
                .filter(|status| *status > &"300".to_owned())
            {
                let in_table =
                    page.lines().any(|line| line.starts_with('|') && line.contains(status.as_str()));
                assert!(in_table, "{status} is not on the page");
            }
        }
    }
}

/// Runs a client, and asserts what it prints and what arrives.
#[track_caller]
fn client(mut command: Command, arguments: &[&str], printed: &str, payloads: [&str; 2]) {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let service: Service = home.serve(&[]);
    command
        .args(arguments)
        .env("MQTT_SERVICE", format!("http://{}", service.address()))
        .env("MQTT_TOKEN", ACME);
    let output = command.current_dir(repository("examples/clients")).output().unwrap();
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success() && fits(&stdout, printed), "{output:?}");
    let came: Vec<_> = observer.messages(2, PATIENCE).into_iter().map(|message| message.payload).collect();
    assert_eq!(came, payloads.map(str::as_bytes));
}

#[test]
fn the_client_in_shell_sends() {
    let printed = "{\"meta\":{\"exit-code\":0,…},\"delivery\":\"reached\",\"retry\":\"no\"}\n{…\"status\":\"finished\",…\"exit-code\":0,…}\n";
    client(Command::new("sh"), &["client.sh"], printed, ["from a shell", "from a shell, later"]);
}

#[test]
fn the_client_in_node_sends() {
    let printed = "0 reached Sent with QoS 1 …\nfinished 0\n";
    client(Command::new("node"), &["client.mjs"], printed, ["from Node", "from Node, later"]);
}

#[test]
fn the_client_in_python_sends() {
    let printed = "0 reached Sent with QoS 1 …\nfinished 0\n";
    client(tool("python"), &["client.py"], printed, ["from Python", "from Python, later"]);
}

#[test]
fn the_demo_shows_two_messages() {
    let output = Command::new(example("serve-demo")).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{out}{}", String::from_utf8_lossy(&output.stderr));
    for line in [
        "  {\"meta\":{\"exit-code\":0,",
        "  received  demo/kitchen/temperature, QoS 1, 8 bytes: \"21.5 °C\"\n",
        "\"status\":\"accepted\"}\n",
        "  received  demo/kitchen/temperature, QoS 1, 8 bytes: \"21.6 °C\"\n",
        "\"status\":\"finished\"",
    ] {
        assert_eq!(out.matches(line).count(), 1, "{line} in:\n{out}");
    }
    assert!(out.ends_with("\nBoth messages arrived, byte for byte.\n"), "{out}");
}
