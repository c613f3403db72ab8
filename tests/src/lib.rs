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
//!
//! What a real broker never does, [`ScriptedBroker`] does: [the example there](ScriptedBroker) is as short.
//!
//! A connector that is a WebAssembly component is built by [`component::build`] and run by crate `mqtt-connector`: the
//! README of this crate has the whole test of one.
//!
//! # What is here
//!
//! - [`broker`]: [`Mosquitto`], a real broker for each test: plain, with passwords, an access list, TLS, mutual TLS;
//!   it can be killed, restarted and frozen;
//! - [`bridge`]: [`Bridge`], a WebSocket in front of a real broker;
//! - [`observer`]: [`Observer`], a subscriber that shows topic, flags and content byte for byte;
//! - [`collector`]: [`Collector`], a subscriber for many thousand messages, which loses and repeats none, also when its
//!   broker is restarted;
//! - [`proxy`]: [`Proxy`], a network that cuts, stalls, throttles and splits at random, from a seed;
//! - [`forward_proxy`]: [`ForwardProxy`], proxies that people run: SOCKS5 and HTTP CONNECT;
//! - [`pki`]: [`Pki`], certificates made for the run, good ones and ones with a known [`Fault`](pki::Fault), and keys
//!   in every [`KeyFormat`](pki::KeyFormat);
//! - [`script`]: [`ScriptedBroker`], a broker that follows a script and records every byte; its script is made of
//!   [`step`]s, which send what [`encode`] and [`property`] make and compare what comes with what they [`expect`]; [`record`] is what it
//!   saw, [`packet`] the parser for that, [`tls`] its TLS, [`websocket`] its WebSocket;
//! - [`component`]: the connector under test, built from its crate;
//! - [`nats`]: [`NatsCluster`], real servers of NATS;
//! - [`port`]: addresses where nobody listens, nobody answers, or nothing arrives;
//! - [`pattern`]: what a message has to be, but for times and ports.
//!
//! # How it behaves
//!
//! - What goes wrong panics, with a message that says what to install, or what was expected and what came.
//! - Everything blocks and needs no runtime; from asynchronous tests, call what waits
//!   ([`Observer::messages`], [`ScriptedBroker::finish`], …) where blocking a thread is all right:
//!   `tokio::task::spawn_blocking`, or a multi-threaded runtime.
//! - Nothing leaves the loopback interface, no port is fixed, nothing waits a fixed time, so tests can run side by side.
//! - Every process and thread ends with the value that stands for it; processes also end when the test is killed.
//!
//! Needed on the machine (Debian): `apt-get install mosquitto mosquitto-clients openssl`. Set `MOSQUITTO` to the
//! path of another mosquitto to test against that one.
#![forbid(unsafe_code)]

pub mod bridge;
pub mod broker;
pub mod carrier;
pub mod collector;
pub mod component;
pub mod conformance;
mod connection;
pub mod encode;
pub mod expect;
pub mod forward_proxy;
pub mod nats;
pub mod observer;
pub mod packet;
pub mod pattern;
pub mod pki;
pub mod port;
mod process;
pub mod program;
pub mod property;
pub mod proxy;
pub mod record;
mod routes;
pub mod scenario;
pub mod scenarios;
pub mod script;
mod server;
pub mod step;
mod stream;
pub mod tls;
pub mod websocket;

pub use bridge::Bridge;
pub use broker::Mosquitto;
pub use collector::Collector;
pub use expect::Expect;
pub use forward_proxy::ForwardProxy;
pub use nats::NatsCluster;
pub use observer::{Message, Observer};
pub use pki::Pki;
pub use proxy::{Faults, Proxy};
pub use record::{Conversation, End, Record};
pub use script::ScriptedBroker;
pub use step::{Gate, PacketId, Step};
pub use tls::ServerTls;
