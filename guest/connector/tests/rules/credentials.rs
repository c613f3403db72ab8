//! A broker that refuses the client: the answer says where user name and password came from, and what is odd about them.

use mqtt_connector_contract::publisher::{Error, Refusal};
use mqtt_connector_guest::action::{send, send_batch};

const BASE: &str = r#""broker":"tcp://h","client-id":"c","topic":"t","content":"x""#;

fn refused(config: &str, request: &str, code: u8) -> String {
    let config = format!("{{{BASE}{config}}}");
    let refusal = Refusal { broker: 0, code, reason: String::new(), server_reference: None };
    send(&config, request, |_, _, _| Err(Error::ConnectionRefused(refusal))).message
}

#[test]
fn which_document_they_came_from() {
    let start = "Not sent, the broker tcp://h:1883 refused the connection with return code 5: the client is not \
                 authorised to connect. Look at username, password and client-id.";
    for (config, request, said) in [
        ("", "{}", "No user name and no password were given."),
        ("", r#"{"username":null}"#, "No user name and no password were given."),
        (r#","username":"u""#, "{}", "The user name is the configuration's; no password was given."),
        ("", r#"{"username":"u"}"#, "The user name is the request's; no password was given."),
        (
            r#","username":"u","password":"SECRET""#,
            "{}",
            "The user name and the password are the configuration's.",
        ),
        ("", r#"{"username":"u","password":"SECRET"}"#, "The user name and the password are the request's."),
        (
            r#","username":"u","password":"SECRET""#,
            r#"{"password":"SECRET2"}"#,
            "The user name is the configuration's, the password the request's.",
        ),
        (
            r#","username":"u","password":"SECRET""#,
            r#"{"username":"v","password":null}"#,
            "The user name is the request's, the password the configuration's.",
        ),
    ] {
        assert_eq!(refused(config, request, 5), format!("{start} {said}"), "{config} {request}");
    }
}

#[test]
fn white_space_that_nobody_sees_is_told() {
    let start = "Not sent, the broker tcp://h:1883 refused the connection with return code 4: the user name or the \
                 password is wrong. Look at username and password. The user name and the password are the request's.";
    for (credentials, said) in [
        (
            r#""username":"u","password":"SECRET\n""#,
            " The password ends in a line break, which was sent with it.",
        ),
        (
            r#""username":"u","password":"SECRET\r\n""#,
            " The password ends in a line break, which was sent with it.",
        ),
        (
            r#""username":"u","password":"\tSECRET""#,
            " The password begins with a tab, which was sent with it.",
        ),
        (
            r#""username":"u ","password":" SECRET ""#,
            " The user name ends in a space, which was sent with it. The password ends in a space, which was sent with it.",
        ),
        (
            r#""username":"\ufeffu","password":"SECRET\u00a0""#,
            " The user name begins with a byte order mark, which was sent with it. The password ends in a no-break space, which was sent with it.",
        ),
        (r#""username":"","password":"""#, " The user name is empty. The password is empty."),
        (r#""username":"u","password":"SEC RET""#, ""),
    ] {
        let request = format!("{{{credentials}}}");
        assert_eq!(refused("", &request, 4), format!("{start}{said}"), "{request}");
    }
}

#[test]
fn only_a_refusal_that_may_be_about_them_says_so() {
    let request = r#"{"username":"u","password":"SECRET\n","protocol-version":"5"}"#;
    for code in (1..=5).chain(128..=162) {
        let message = refused("", request, code);
        assert!(!message.contains("SECRET"), "{message}");
        let says = message.ends_with(
            " The user name and the password are the request's. The password ends in a line break, which was sent with it.",
        );
        assert_eq!(says, matches!(code, 4 | 5 | 134 | 135), "{message}");
    }
    let alone = refused("", r#"{"password":"SECRET","protocol-version":"5"}"#, 134);
    assert_eq!(
        alone,
        "Not sent, the broker tcp://h:1883 refused the connection with reason code 134 (Bad User Name or Password). Look \
         at username and password. The password is the request's; no user name was given."
    );
}

#[test]
fn each_request_of_a_batch_has_its_own() {
    let config = format!(r#"{{{BASE},"username":"u","password":"SECRET"}}"#);
    let requests = ["{}", r#"{"password":"SECRET"}"#, "{}"].map(str::to_owned);
    let refusal = || Refusal { broker: 0, code: 4, reason: String::new(), server_reference: None };
    let answers = send_batch(&config, &requests, |_, _, _| Err(Error::ConnectionRefused(refusal())));
    let said: Vec<&str> =
        answers.iter().map(|meta| meta.message.split_once("and password. ").unwrap().1).collect();
    let same = "The user name and the password are the configuration's.";
    assert_eq!(said, [same, "The user name is the configuration's, the password the request's.", same]);
}
