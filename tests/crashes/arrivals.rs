//! [`Arrivals`]: what has arrived at a broker.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use mqtt_connector_tests::{Collector, Mosquitto};

/// A subscriber of everything, whose contents are numbers.
pub(crate) struct Arrivals {
    collector: Collector,
    received: Receiver<Option<usize>>,
}

impl Arrivals {
    pub(crate) fn start(broker: &Mosquitto) -> Self {
        let (sender, received) = channel();
        let collector = Collector::start(broker.port(), "collector", "#", move |publish| {
            let content = String::from_utf8(publish.payload).unwrap();
            sender.send(content.parse::<usize>().ok()).unwrap();
        });
        Self { collector, received }
    }

    /// What has arrived by the time that everything which the broker accepted before this call was delivered.
    pub(crate) fn settled(self, broker: &Mosquitto) -> Vec<usize> {
        let port = broker.port().to_string();
        let last = ["-p", &port, "-q", "2", "-t", "last", "-m", "last"];
        assert!(std::process::Command::new("mosquitto_pub").args(last).status().unwrap().success());
        let mut arrived = Vec::new();
        while let Some(number) = self.received.recv_timeout(Duration::from_secs(60)).unwrap() {
            arrived.push(number);
        }
        assert_eq!(self.collector.problems(), [""; 0]);
        arrived
    }
}
