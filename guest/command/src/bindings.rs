//! The interfaces that this component imports. What an answer is made of is the contract's own.

wit_bindgen::generate!({
    path: ["../../wit", "../publisher/wit", "wit"],
    world: "flint:mqtt-command/command",
    generate_all,
    with: {
        "flint:mqtt/connector@0.2.0/meta": mqtt_connector_contract::connector::Meta,
        "flint:mqtt/connector@0.2.0/response": mqtt_connector_contract::connector::Response,
    },
});

pub(crate) use flint::mqtt::connector;
pub(crate) use flint::mqtt_wasi::connections;
