//! A test harness for MQTT connectors: everything around the connector is real or scripted, nothing is mocked.
//!
//! A real broker, a message, and a witness that shares no code with the sender:
//!
//! ```
//! use std::process::Command;
//! use std::time::Duration;
//!
//! use mqtt_connector_tests::{Mosquitto, Observer};
//!
//! let broker = Mosquitto::start();
//! let observer = Observer::start(broker.port(), "plant/#");
//!
//! // Here stands the connector under test.
//! let status = Command::new("mosquitto_pub")
//!     .args(["-p", &broker.port().to_string(), "-i", "sender", "-q", "2", "-t", "plant/line 1", "-m", "hello"])
//!     .status()?;
//! assert!(status.success());
//!
//! let messages = observer.messages(1, Duration::from_secs(10));
//! assert_eq!(messages[0].topic, "plant/line 1");
//! assert_eq!(messages[0].qos, 2);
//! assert_eq!(messages[0].payload, b"hello");
//! broker.wait_for_log("Received DISCONNECT from sender", Duration::from_secs(10));
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod broker;
pub mod observer;
pub mod pki;
pub mod port;
mod process;

pub use broker::Mosquitto;
pub use observer::{Message, Observer};
pub use pki::Pki;
