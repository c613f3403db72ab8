//! What is different at the brokers of clouds: what is fitted, what is refused, and which cause an answer names.

use mqtt_connector_contract::publisher::{Disconnection, Error, Failure, Progress, Qos, Receipt, Refusal};
use mqtt_connector_guest::action::send;
use mqtt_connector_guest::publication::{Publication, prepare};

use crate::schema::assert_agrees;

const AWS: &str =
    r#"{"broker":"ssl://a.iot.us-east-1.amazonaws.com","client-id":"c","topic":"t","content":"x","qos":1}"#;
const HUB: &str = r#"{"broker":"ssl://p.azure-devices.net","client-id":"pump-7","topic":"devices/pump-7/messages/events/",
    "username":"p.azure-devices.net/pump-7/?api-version=2021-04-12","content":"x","qos":1}"#;
const GRID: &str = r#"{"broker":"ssl://p.westeurope-1.ts.eventgrid.azure.net","client-id":"c","username":"pump-7","topic":"t",
    "content":"x","qos":1}"#;

fn prepared(config: &str, request: &str) -> Publication {
    assert_agrees(config, request);
    prepare(config, request).unwrap_or_else(|invalid| panic!("{request}: {invalid}"))
}

/// Asserts what is wrong with a request, and that the schema says so, too, where it can.
#[track_caller]
fn assert_wrong(config: &str, request: &str, message: &str) {
    assert_agrees(config, request);
    let Err(invalid) = prepare(config, request) else { panic!("{request} is right") };
    assert_eq!(invalid.to_string(), format!("Not sent: {message}."));
}

fn answer(config: &str, request: &str, answer: Result<Qos, Error>) -> String {
    let meta = send(config, request, |_, _, _| {
        let receipt = |qos| Receipt {
            qos,
            reason_code: 0,
            broker: 0,
            assigned_client_id: None,
            elapsed_microseconds: 1_000,
        };
        Ok(vec![answer.map(receipt)])
    });
    meta.message
}

#[test]
fn there_is_no_qos_2() {
    for (config, vendor, place) in [
        (AWS, "AWS IoT", "topic \"t\" at ssl://a.iot.us-east-1.amazonaws.com:8883"),
        (HUB, "Azure IoT Hub", "topic \"devices/pump-7/messages/events/\" at ssl://p.azure-devices.net:8883"),
        (GRID, "Azure Event Grid", "topic \"t\" at ssl://p.westeurope-1.ts.eventgrid.azure.net:8883"),
    ] {
        let will = r#""will":{"topic":"devices/pump-7/messages/events/","content":"w","qos":2}"#;
        let message = format!(" QoS 2 was asked for, and {vendor} has no QoS 2: QoS 1 instead.");
        let of_will = format!(" QoS 2 was asked for the will, and {vendor} has no QoS 2: QoS 1 instead.");
        for (request, told) in [
            ("{}".to_owned(), String::new()),
            (r#"{"qos":2}"#.to_owned(), message.clone()),
            (format!("{{{will}}}"), of_will.clone()),
            (format!(r#"{{"qos":2,{will}}}"#), format!("{message}{of_will}")),
        ] {
            let publication = prepared(config, &request);
            assert_eq!(publication.message.qos, Qos::AtLeastOnce);
            assert!(publication.options.will.is_none_or(|will| will.qos == Qos::AtLeastOnce), "{request}");
            let sent = answer(config, &request, Ok(Qos::AtLeastOnce));
            assert_eq!(sent, format!("Sent with QoS 1 to {place} in 1.0 ms.{told}"));
        }
        let lower = r#"{"will":{"topic":"devices/pump-7/messages/events/","content":"w","qos":0},"qos":0}"#;
        assert_eq!(prepared(config, lower).options.will.map(|will| will.qos), Some(Qos::AtMostOnce));
    }
    let request = r#"{"broker":"ssl://h","will":{"topic":"w","content":"w","qos":2}}"#;
    assert_eq!(
        prepared(AWS, request).options.will.map(|will| will.qos),
        Some(Qos::ExactlyOnce),
        "another broker"
    );
}

#[test]
fn what_is_not_kept() {
    let told = " Azure IoT Hub keeps no message for later subscribers: it passes this one on, with the property mqtt-retain.";
    let sent = answer(HUB, r#"{"retain":true}"#, Ok(Qos::AtLeastOnce));
    assert!(sent.ends_with(&format!("in 1.0 ms.{told}")), "{sent}");
    assert!(prepared(HUB, r#"{"retain":true}"#).message.retain);
    for config in [AWS, GRID] {
        assert!(answer(config, r#"{"retain":true}"#, Ok(Qos::AtLeastOnce)).ends_with("in 1.0 ms."));
    }
}

#[test]
fn application_protocols_on_port_443_of_aws() {
    let authorizer = r#""username":"ann?x-amz-customauthorizer-name=door&token=t""#;
    let identity = r#""use-certificate":true,"certificate":"/c","private-key":"/k""#;
    let aws =
        |url: &str, more: &str| format!(r#"{{"broker":"{url}.iot.us-east-1.amazonaws.com:443"{more}}}"#);
    for (request, protocols) in [
        (aws("ssl://a", &format!(",{authorizer}")), vec!["mqtt"]),
        (aws("ssl://a-ats", r#","username":"ann","password":"p""#), vec!["mqtt"]),
        (aws("ssl://a", &format!(",{identity}")), vec!["x-amzn-mqtt-ca"]),
        (aws("ssl://a", &format!(",{identity},{authorizer}")), vec!["mqtt"]),
        (aws("ssl://a", &format!(r#",{identity},"username":"ann?SDK=x""#)), vec!["x-amzn-mqtt-ca"]),
        (aws("ssl://a", &format!(r#",{authorizer},"alpn-protocols":[]"#)), vec![]),
        (aws("ssl://a", &format!(r#",{authorizer},"alpn-protocols":["mine"]"#)), vec!["mine"]),
        (aws("ssl://a", ""), vec![]),
        (aws("wss://a", &format!(",{authorizer}")), vec![]),
        (format!("{{{authorizer}}}"), vec![]),
        (format!(r#"{{"broker":"ssl://h:443",{authorizer}}}"#), vec![]),
    ] {
        let tls = prepared(AWS, &request).options.tls;
        assert_eq!(
            tls.map(|tls| tls.alpn_protocols),
            Some(protocols.iter().map(|name| (*name).to_owned()).collect()),
            "{request}"
        );
    }
}

#[test]
fn limits() {
    let content = |bytes| format!(r#"{{"content":"{}"}}"#, "x".repeat(bytes));
    let base64 = |bytes: usize| {
        let ending = ["", "AA==", "AAA="][bytes % 3];
        format!(r#"{{"content-base64":"{}{ending}"}}"#, "AAAA".repeat(bytes / 3))
    };
    for (config, vendor, most) in
        [(AWS, "AWS IoT", 131_072), (HUB, "Azure IoT Hub", 262_144), (GRID, "Azure Event Grid", 524_288)]
    {
        let (length, kib) = (most + 1, most / 1024);
        prepared(config, &content(most));
        prepared(config, &base64(most));
        let told = format!("in the request: {vendor} takes {most} bytes ({kib} KiB) at most, not {length}");
        assert_wrong(config, &content(length), &format!("content {told}"));
        assert_wrong(config, &base64(length), &format!("content-base64 {told}"));
    }
    for (config, vendor, behind) in
        [(AWS, "AWS IoT", " (after $aws/rules/RULE/)"), (GRID, "Azure Event Grid", "")]
    {
        let will = |topic: &str| format!(r#"{{"will":{{"topic":"{topic}","content":""}}}}"#);
        let (long, deep) = ("t".repeat(256), "1/2/3/4/5/6/7/8");
        for topic in [&long, deep] {
            prepared(config, &format!(r#"{{"topic":"{topic}"}}"#));
            prepared(config, &will(topic));
        }
        let slashes = format!("in the request: {vendor} takes 7 slashes at most{behind}, not 8");
        let bytes = format!("in the request: {vendor} takes 256 bytes at most{behind}, not 257");
        for (topic, told) in [(format!("{long}t"), &bytes), (format!("{deep}/9"), &slashes)] {
            assert_wrong(config, &format!(r#"{{"topic":"{topic}"}}"#), &format!("topic {told}"));
            assert_wrong(config, &will(&topic), &format!("will.topic {told}"));
        }
    }
    prepared(AWS, &format!(r#"{{"topic":"$aws/rules/rule/{}"}}"#, "t".repeat(256)));
    prepared(HUB, &format!(r#"{{"topic":"devices/pump-7/messages/events/{}"}}"#, "a=b&".repeat(100)));
    let delay = |seconds| {
        format!(
            r#"{{"protocol-version":"5","will":{{"topic":"w","content":"","delay-interval":{seconds}}}}}"#
        )
    };
    prepared(GRID, &delay(300));
    assert_wrong(
        GRID,
        &delay(301),
        "will.delay-interval in the request: Azure Event Grid takes 300 seconds at most",
    );
    prepared(AWS, r#"{"client-id":""}"#);
    assert_wrong(
        GRID,
        r#"{"client-id":""}"#,
        r#"client-id in the request: "" lets the broker choose, and Azure Event Grid chooses none: give the client a name"#,
    );
}

#[test]
fn the_forms_of_azure_iot_hub() {
    let username = "Azure IoT Hub wants HOST/CLIENT-ID/?api-version=2021-04-12, with the host of broker and the client-id";
    let topic = "Azure IoT Hub takes devices/CLIENT-ID/messages/events/, with the client-id, and properties behind it if there are any";
    for request in [
        "{}",
        r#"{"username":"P.azure-devices.net/pump-7/?api-version=2021-04-12"}"#,
        r#"{"topic":"devices/pump-7/messages/events"}"#,
        r#"{"topic":"devices/pump-7/messages/events/unit=celsius&$.ct=application%2Fjson"}"#,
        r#"{"topic":"$iothub/twin/PATCH/properties/reported/?$rid=1"}"#,
        r#"{"protocol-version":"3.1.1","will":{"topic":"devices/pump-7/messages/events/","content":"lost"}}"#,
        r#"{"broker":"wss://p.azure-devices.net/$iothub/websocket"}"#,
        r#"{"client-id":"pump-7/m","username":"p.azure-devices.net/pump-7/m/?api-version=2021-04-12","topic":"devices/pump-7/modules/m/messages/events/"}"#,
    ] {
        prepared(HUB, request);
    }
    for (request, wrong) in [
        (r#"{"username":"pump-7"}"#.to_owned(), format!("username in the request: {username}")),
        (
            r#"{"protocol-version":"5"}"#.to_owned(),
            "protocol-version in the request: Azure IoT Hub speaks MQTT 3.1.1 only".to_owned(),
        ),
        (r#"{"topic":"plant/7"}"#.to_owned(), format!("topic in the request: {topic}")),
        (r#"{"topic":"devices/pump-7/"}"#.to_owned(), format!("topic in the request: {topic}")),
        (
            r#"{"will":{"topic":"$iothub/twin/GET/","content":""}}"#.to_owned(),
            format!("will.topic in the request: {topic}"),
        ),
    ] {
        assert_wrong(HUB, &request, &wrong);
    }
    let without = HUB.replace(r#""username":"p.azure-devices.net/pump-7/?api-version=2021-04-12","#, "");
    assert_wrong(&without, "{}", &format!("username is missing, and {username}"));
    let nobody = HUB.replace("\"pump-7\"", "\"\"");
    let wrong = r#"client-id in the configuration: "" lets the broker choose, and Azure IoT Hub chooses none: give the client a name"#;
    assert_wrong(&nobody, "{}", wrong);
    // What is about the client-id of another device no schema can say.
    for request in [
        r#"{"username":"p.azure-devices.net/pump-8/?api-version=2021-04-12"}"#,
        r#"{"username":"q.azure-devices.net/pump-7/?api-version=2021-04-12"}"#,
        r#"{"topic":"devices/pump-8/messages/events/"}"#,
    ] {
        let name = if request.contains("username") { username } else { topic };
        let Err(invalid) = prepare(HUB, request) else { panic!("{request} is right") };
        assert!(invalid.to_string().ends_with(&format!(" in the request: {name}.")), "{invalid}");
    }
}

#[test]
fn the_likely_cause_is_named() {
    let failure =
        |progress| Failure { broker: 0, progress, reason: "the broker closed the connection".to_owned() };
    let refusal = |code| Refusal { broker: 0, code, reason: String::new(), server_reference: None };
    let disconnected = |progress| Error::Disconnected(Disconnection { progress, refusal: refusal(135) });
    let identity = r#"{"use-certificate":true,"certificate":"/c","private-key":"/k"}"#;
    let at_connect = [
        Error::ConnectionLost(failure(Progress::NotSent)),
        Error::ConnectionRefused(refusal(5)),
        Error::ConnectionRefused(refusal(135)),
        disconnected(Progress::NotSent),
    ];
    let at_publish = [
        Error::ConnectionLost(failure(Progress::SentUnacknowledged)),
        Error::PublishRefused(refusal(135)),
        disconnected(Progress::SentUnacknowledged),
    ];
    for (config, request, errors, cause) in [
        (
            AWS,
            identity,
            &at_connect[..],
            " AWS IoT closes the connection when the certificate is not active, or when no policy attached to it allows iot:Connect for this client-id.",
        ),
        (
            AWS,
            "{}",
            &at_connect,
            " AWS IoT closes the connection when no policy (of a custom authorizer, the one that it returns) allows iot:Connect for this client-id, and when no client certificate comes where it wants one.",
        ),
        (
            AWS,
            identity,
            &at_publish,
            " AWS IoT closes the connection when no policy allows iot:Publish for this topic.",
        ),
        (
            AWS,
            r#"{"retain":true}"#,
            &at_publish,
            " AWS IoT closes the connection when no policy allows iot:Publish and, for retain, iot:RetainPublish for this topic.",
        ),
        (
            HUB,
            "{}",
            &at_connect,
            " Azure IoT Hub refuses a device that is not registered or is disabled, and a password that is not a SAS token (SharedAccessSignature …) of this device, or one that has expired.",
        ),
        (
            HUB,
            identity,
            &at_connect,
            " Azure IoT Hub refuses a device that is not registered or is disabled, and a certificate that is not registered for it.",
        ),
        (
            HUB,
            "{}",
            &at_publish,
            " Azure IoT Hub closes the connection on a message that it does not take, when a SAS token expires, and when the same device connects again.",
        ),
        (
            GRID,
            identity,
            &at_connect,
            " Azure Event Grid refuses a client whose authentication name (mostly the username) is not registered in the namespace or does not fit the certificate, and more sessions of it than the namespace allows.",
        ),
        (
            GRID,
            identity,
            &at_publish,
            " Azure Event Grid closes the connection when no permission binding lets the client publish to a topic space that has this topic.",
        ),
    ] {
        for error in errors {
            let told = answer(config, request, Err(error.clone()));
            assert!(told.ends_with(cause), "{told}\n{cause}");
        }
        for error in [
            Error::TimedOut(failure(Progress::NotSent)),
            Error::Unreachable("x".to_owned()),
            Error::Tls("x".to_owned()),
            Error::ConnectionRefused(refusal(3)),
            Error::PublishRefused(refusal(151)),
        ] {
            let told = answer(config, request, Err(error));
            assert!(!told.contains("closes the connection when") && !told.contains("refuses a"), "{told}");
        }
        let elsewhere = r#"{"broker":"ssl://h","topic":"t"}"#;
        let told = answer(config, elsewhere, Err(errors[0].clone()));
        assert!(!told.contains("AWS") && !told.contains("Azure"), "{told}");
    }
}
