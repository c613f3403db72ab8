//! The interface that this component exports besides `wasi:cli/run`. What an answer is made of is the contract's own.

wit_bindgen::generate!({
    path: ["../../wit", "wit"],
    world: "flint:mqtt-command/command",
    with: {
        "flint:mqtt/connector@0.2.0": generate,
        "flint:mqtt/connector@0.2.0/meta": mqtt_connector_contract::connector::Meta,
        "flint:mqtt/connector@0.2.0/response": mqtt_connector_contract::connector::Response,
    },
});
