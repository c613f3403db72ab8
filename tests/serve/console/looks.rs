//! What pages look like: on small and large screens, in light and in dark, for people who do not see them.

use mqtt_connector_tests::Mosquitto;
use serde_json::json;

use super::browser::Browser;
use super::{console, open};
use crate::support::{Home, Service};

/// A service that has sent some messages, well and not.
fn used(home: &Home, broker: &Mosquitto) -> (Service, Browser, [String; 2]) {
    let (service, browser) = console(home);
    for number in 0..40 {
        let topic = if number % 9 == 8 { "elsewhere/door" } else { "acme/door" };
        let request = json!({"topic": topic, "content": number, "qos": number % 3});
        service.post("/v1/send", request.to_string()).ask().exit_code();
    }
    let sent = service.accepts(&json!({"request": {"topic": "acme/lamp", "content": "on"}}));
    service.ended(&sent);
    broker.stop();
    let request = json!({"topic": "acme/plant/7/temperature", "content": {"celsius": 21.5}, "qos": 1});
    let dead = service.accepts(&json!({"request": request, "attempts": 2}));
    service.ended(&dead);
    broker.restart();
    service.accepts(
        &json!({"request": {"topic": "acme/door", "content": "open"}, "not-before": "2999-01-01T00:00:00Z"}),
    );
    (service, browser, [sent, dead])
}

#[test]
fn pages_fit_their_screens_and_keep_nobody_out() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let (service, browser, [sent, dead]) = used(&home, &broker);
    let pages = [
        ("overview", "/".to_owned()),
        ("send", "/console/send".to_owned()),
        ("executions", "/console/executions".to_owned()),
        ("dead-letters", "/console/executions?dead-letters=true".to_owned()),
        ("execution", format!("/console/executions/{dead}")),
        ("sent", format!("/console/executions/{sent}")),
        ("mend", format!("/console/send?from={dead}")),
    ];
    for (name, path) in &pages {
        open(&browser, &service, path);
        for (width, colours) in [(1440, "light"), (360, "dark")] {
            fits(&browser, width, colours);
            browser.picture(&format!("{name}-{width}"));
        }
    }
    // With problems, and an answer.
    open(&browser, &service, "/console/send");
    browser.write("#p-topic", "acme/#");
    browser.write("#p-keep-alive", "1.000");
    browser.write("#p-content", "21.5");
    browser.press("button[value=check]");
    for (width, colours) in [(1440, "light"), (360, "dark"), (360, "light"), (1440, "dark")] {
        fits(&browser, width, colours);
    }
    browser.picture("problems-1440");
    browser.write("#p-topic", "acme/door");
    browser.write("#p-keep-alive", "");
    browser.colours("light");
    browser.press("button[value=now]");
    assert_eq!(browser.text("#answer"), "Answer: Sent");
    fits(&browser, 1440, "light");
    browser.picture("answer-1440");
    browser.press(".who button");
    for (width, colours) in [(360, "light"), (1440, "dark")] {
        fits(&browser, width, colours);
    }
    assert_eq!(browser.complaints(), [""; 0]);
}

/// Asserts that nothing stands beside the screen, and that axe-core finds nothing.
#[track_caller]
fn fits(browser: &Browser, width: u32, colours: &str) {
    browser.screen(width);
    browser.colours(colours);
    let content = browser.evaluate("document.documentElement.scrollWidth").as_u64().unwrap();
    assert!(
        content <= u64::from(width),
        "{content} pixels on {width}: {}",
        browser.evaluate("location.href")
    );
    browser.is_accessible();
}
