//! What a person does: sends, finds out why something failed, mends it.

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, Step, encode, property};
use serde_json::json;

use super::browser::Browser;
use super::{console, open, signed_in};
use crate::support::{ACME, Home, OTHER, PATIENCE};

const SEND_NOW: &str = "button[value=now]";
const SEND_LATER: &str = "button[value=later]";

#[test]
fn a_person_signs_in_sends_finds_out_what_is_wrong_and_mends_it() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let service = home.serve(&["--console"]);
    let browser = Browser::start();

    // Somebody else's token, or none, opens nothing.
    open(&browser, &service, "/console/send");
    browser.wait("location.pathname === '/console/sign-in'");
    browser.write("#token", "wrong");
    browser.press("form.sign-in button");
    assert!(browser.text("#token-wrong").starts_with("The token is no tenant's."));
    // The browser says that the page has the status 403.
    browser.complaints();
    signed_in(&browser, &service, ACME);

    open(&browser, &service, "/console/send");
    assert!(
        browser.text("[data-field=broker] .given").contains(&format!("tcp://127.0.0.1:{}", broker.port()))
    );
    for qos in ["0", "1", "2"] {
        browser.write("#p-topic", &format!("acme/{qos}"));
        browser.write("#p-content", &format!("content {qos}"));
        browser.choose("#p-qos", qos);
        browser.press(SEND_NOW);
        assert_eq!(browser.text("#answer"), "Answer: Sent");
        let message = browser.text("#the-answer .message");
        assert!(
            message.starts_with(&format!("Sent with QoS {qos}"))
                && message.contains(&format!("to topic \"acme/{qos}\"")),
            "{message}"
        );
    }
    // What was written is still there, and a page that is loaded again sends nothing a second time.
    assert_eq!(browser.evaluate("document.querySelector('#p-content').value"), "content 2");
    browser.leaving(|| {
        browser.call("Page.reload", &json!({}));
    });
    assert_eq!(browser.text("#answer"), "The same form again, which was not sent twice: Sent");
    let sent: Vec<_> =
        observer.messages(3, PATIENCE).into_iter().map(|message| (message.topic, message.payload)).collect();
    let wanted = ["0", "1", "2"].map(|qos| (format!("acme/{qos}"), format!("content {qos}").into_bytes()));
    assert_eq!(sent, wanted);

    // While somebody writes, what is wrong stands at its field.
    browser.write("#p-topic", "acme/#");
    browser.write("#p-timeout", "60.000");
    browser.wait("document.querySelector('#p-topic-wrong').innerText.includes('without the wildcards')");
    browser.wait("document.querySelector('#p-timeout-wrong').innerText.includes('wants a whole number of milliseconds')");
    assert_eq!(browser.evaluate("document.querySelector('#p-topic').getAttribute('aria-invalid')"), "true");
    browser.press(SEND_NOW);
    assert_eq!(browser.text("#answer"), "Answer: Not sent");
    assert!(browser.text("#the-answer").contains("64 – wrong parameter"));
    assert_eq!(browser.evaluate("document.querySelectorAll('.problems a').length"), 2);
    // A link leads to the field.
    browser.evaluate("document.querySelector('.problems a[href=\"#p-timeout\"]').click(); true");
    assert_eq!(browser.evaluate("document.activeElement.id"), "p-timeout");
    browser.write("#p-timeout", "60000");
    browser.write("#p-topic", "elsewhere");
    browser.press(SEND_NOW);
    assert!(browser.text("#p-topic-wrong").contains("may not publish to \"elsewhere\""));
    browser.write("#p-topic", "acme/mended");
    browser.press(SEND_NOW);
    assert_eq!(browser.text("#answer"), "Answer: Sent");
    assert_eq!(observer.messages(4, PATIENCE)[3].topic, "acme/mended");

    open(&browser, &service, "/");
    let hour = browser.text("section[aria-labelledby=hour] .numbers");
    assert!(hour.contains("Sent\n4") && hour.contains("Not sent\n2"), "{hour}");
    assert!(browser.text(".failures").contains("77 not allowed"));
    browser.press(".who button");
    assert_eq!(browser.evaluate("location.pathname"), "/console/sign-in");
    open(&browser, &service, "/console/send");
    assert_eq!(browser.evaluate("location.pathname"), "/console/sign-in");
    assert_eq!(browser.complaints(), [""; 0]);
    assert_eq!(observer.settled().len(), 4);
}

#[test]
fn everything_works_without_scripts() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let service = home.serve(&["--console"]);
    let browser = Browser::start();
    browser.call("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    signed_in(&browser, &service, ACME);
    open(&browser, &service, "/console/send");
    browser.write("#p-topic", "acme/+");
    browser.press("button[value=check]");
    assert!(browser.text("#p-topic-wrong").contains("without the wildcards"));
    assert!(browser.text("#p-content-wrong").starts_with("content is missing"));
    browser.write("#p-topic", "acme/plain");
    browser.write("#p-content", "{\"open\": 1.50}");
    browser.choose("#p-content-as", "json");
    browser.press(SEND_LATER);
    let path = browser.evaluate("location.pathname");
    let id = path.as_str().unwrap().strip_prefix("/console/executions/").unwrap();
    assert_eq!(service.ended(id)["meta"]["exit-code"], 0);
    open(&browser, &service, path.as_str().unwrap());
    assert_eq!(browser.text(".facts .badge"), "finished");
    assert!(browser.text(".timeline").contains("Attempt 1"), "{}", browser.text(".timeline"));
    assert_eq!(observer.messages(1, PATIENCE)[0].payload, b"{\"open\":1.50}");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn an_execution_is_tried_again_until_it_arrives_and_a_dead_letter_is_sent_again() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let (service, browser) = console(&home);
    let later = |topic: &str, options: &[(&str, &str)]| {
        open(&browser, &service, "/console/send");
        browser.write("#p-topic", topic);
        browser.write("#p-content", "x");
        for (name, value) in options {
            browser.write(&format!("#p-{name}"), value);
        }
        browser.press(SEND_LATER);
        assert_eq!(browser.text("h1"), "Execution");
    };

    // The page lives: nobody loads it again.
    broker.stop();
    later("acme/again", &[("_attempts", "100")]);
    browser.wait("document.querySelector('.timeline').innerText.includes('Attempt 2')");
    assert!(browser.text(".timeline .badge").starts_with("69"));
    assert!(browser.text(".timeline .stopped").starts_with("dial"));
    broker.restart();
    browser.wait("document.querySelector('.facts .badge').innerText === 'finished'");
    assert_eq!(browser.text("#answer"), "Answer: Sent");

    broker.stop();
    later("acme/dead", &[("_attempts", "1")]);
    browser.wait("document.querySelector('.facts .badge').innerText === 'finished'");
    assert_eq!(browser.text("#answer"), "Answer: Not sent");
    let dead = browser.evaluate("location.pathname");
    broker.restart();
    let observer = Observer::start(broker.port(), "acme/#");
    open(&browser, &service, "/console/executions?dead-letters=true");
    assert_eq!(browser.text("tbody .topic"), "acme/dead");
    browser.press("td.do button");
    assert_ne!(browser.evaluate("location.pathname"), dead);
    browser.wait("document.querySelector('.facts .badge').innerText === 'finished'");
    assert_eq!(observer.messages(1, PATIENCE)[0].topic, "acme/dead");
    open(&browser, &service, dead.as_str().unwrap());
    assert!(browser.text(".facts").contains("Sent again as"));

    // One that waits for its time is cancelled. One that is not sent well is changed and sent.
    later("acme/cancelled", &[]);
    browser.wait("document.querySelector('.facts .badge').innerText === 'finished'");
    let waiting = service.accepts(
        &json!({"request": {"topic": "acme/far", "content": "x"}, "not-before": "2999-01-01T00:00:00Z"}),
    );
    open(&browser, &service, &format!("/console/executions/{waiting}"));
    browser.press("#execution .actions button");
    assert_eq!(browser.text(".facts .badge"), "cancelled");
    let refused = service.accepts(&json!({"request": {"topic": "elsewhere", "content": "to mend", "user-properties": {"a": "b"}, "protocol-version": "5"}}));
    service.ended(&refused);
    open(&browser, &service, &format!("/console/executions/{refused}"));
    browser.press("#execution .actions a");
    assert_eq!(browser.evaluate("document.querySelector('#p-content').value"), "to mend");
    assert_eq!(browser.evaluate("document.querySelector('#p-user-properties').value"), "a: b");
    browser.write("#p-topic", "acme/mended");
    browser.press(SEND_NOW);
    assert_eq!(browser.text("#answer"), "Answer: Sent");
    assert!(
        observer
            .settled()
            .iter()
            .any(|message| message.topic == "acme/mended" && message.payload == b"to mend")
    );

    // A filter that finds nothing says so.
    open(&browser, &service, "/console/executions");
    browser.choose("#f-status", "expired");
    browser.press(".filters button");
    assert!(browser.text("#list").starts_with("There is no execution like that."));
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn what_others_say_is_text_and_what_is_another_tenants_is_not_there() {
    const HOSTILE: &str = "</textarea></pre><script>alert(1)</script><img src=x onerror=alert(2)>'\"\u{202e}";
    let words = property::reason_string("<svg onload=steal(9)>come back</svg>");
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack_v5(false, 0, &[])),
            Step::expect(Expect::publish().qos(1).packet_id(1)),
            Step::send(encode::ack_v5_with(PacketType::PubAck, 1, 0x97, &words)),
            Step::expect(Expect::disconnect()),
            Step::expect_end(),
        ])
        .start();
    let home = Home::new(broker.port());
    let (mut service, browser) = console(&home);
    let topic = format!("acme/{}", HOSTILE.trim_end_matches('\u{202e}'));
    open(&browser, &service, "/console/send");
    browser.write("#p-topic", &topic);
    browser.write("#p-content", HOSTILE);
    browser.choose("#p-protocol-version", "5");
    browser.choose("#p-qos", "1");
    browser.press(SEND_NOW);
    let message = browser.text("#the-answer .message");
    assert!(message.contains("<svg onload=steal(9)>come back</svg>"), "{message}");
    assert_eq!(browser.evaluate("document.querySelector('#p-content').value"), HOSTILE);
    // The hostile broker has said what it had to say.
    service.signal("TERM");
    assert!(service.ends().success());
    broker.finish();

    let service = home.serve(&["--console"]);
    let browser = Browser::start();
    signed_in(&browser, &service, ACME);
    let id = service.accepts(
        &json!({"request": {"topic": topic, "content": HOSTILE}, "not-before": "2999-01-01T00:00:00Z"}),
    );
    open(&browser, &service, "/console/executions");
    assert_eq!(browser.text("tbody .topic"), topic);
    open(&browser, &service, &format!("/console/executions/{id}"));
    browser.evaluate("document.querySelector('details.group').open = true");
    assert!(browser.text(".request").contains("<script>alert(1)</script>"));
    assert!(browser.text(".request").contains("\\u{202e}"), "{}", browser.text(".request"));
    assert_eq!(browser.evaluate("document.querySelectorAll('main script, main img').length"), 0);
    assert_eq!(browser.complaints(), [""; 0]);

    // The other tenant finds neither the execution nor a way to change it.
    browser.press(".who button");
    signed_in(&browser, &service, OTHER);
    open(&browser, &service, "/console/executions");
    assert!(browser.text("#list").starts_with("There is no execution."));
    for path in [format!("/console/executions/{id}"), format!("/console/send?from={id}")] {
        open(&browser, &service, &path);
        assert_eq!(browser.text("h1"), "Not Found");
    }
    open(&browser, &service, "/console/executions");
    browser.leaving(|| {
        browser.evaluate(&format!(
            "(() => {{ const form = document.querySelector('form.who'); form.action = '/console/executions/{id}/cancel'; \
             form.submit(); return true }})()"
        ));
    });
    assert_eq!(browser.text("h1"), "Not Found");
    assert_eq!(service.get(&format!("/v1/executions/{id}")).ask().json()["status"], "accepted");
}
