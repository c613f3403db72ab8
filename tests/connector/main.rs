//! The connector as a platform runs it: two JSON documents in, through the sandboxed component, to a real or scripted
//! broker, and the exit code and message that come back.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod aws;
mod azure;
mod brokers;
mod check;
mod computing;
mod crashes;
mod delivery;
mod egress;
mod endings;
mod fairness;
mod faults;
mod guests;
mod joint;
mod limits;
mod mqtt5;
mod native;
mod observability;
mod one_shot;
mod out_of_turn;
mod places;
mod proxy;
mod runtime;
mod sandbox;
mod secrets;
mod sharing;
mod shown;
mod soak;
mod stages;
mod support;
mod tenants;
mod time;
mod tls;
mod websocket;
mod wiped;
