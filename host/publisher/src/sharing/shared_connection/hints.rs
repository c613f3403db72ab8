//! What a lost connection may mean, and what helps: it stands behind the reason in a message.

use crate::contract::{ProtocolVersion, Transport};
use crate::options::Options;
use crate::stage::Stage;

/// What the broker with this index may be, when it closes the connection during `stage`, and what helps. Empty where nothing is
/// known.
pub(super) fn while_connecting(options: &Options, broker: u32, stage: Stage) -> &'static str {
    let broker = usize::try_from(broker).ok().and_then(|index| options.brokers.get(index));
    match (broker.map(|broker| broker.transport), stage, options.protocol_version) {
        (Some(_), Stage::Connect, ProtocolVersion::V5) => {
            " (perhaps it does not speak MQTT 5; see protocol-version)"
        }
        (Some(Transport::Tcp), Stage::Connect, ProtocolVersion::V311) => {
            " (a broker behind TLS is named with ssl://)"
        }
        (Some(Transport::Websocket), Stage::WebSocket, _) => {
            " (a broker without WebSockets is named with tcp://, a WebSocket behind TLS with wss://)"
        }
        (Some(Transport::WebsocketTls), Stage::WebSocket, _) => {
            " (a broker without WebSockets is named with ssl://)"
        }
        _ => "",
    }
}

/// Why a broker may have closed a connection that it had accepted, without saying why, and what helps. Empty where nothing is
/// known.
pub(super) fn after_connack(options: &Options) -> &'static str {
    match (&*options.client_id, options.clean_session) {
        ("", _) => "",
        (_, true) => {
            "; perhaps another client came with the same client-id: give each its own, or \"\", and the broker chooses one"
        }
        (_, false) => "; perhaps another client came with the same client-id: give each its own",
    }
}
