//! The interface that this component imports. What an answer is made of is the contract's own.

wit_bindgen::generate!({
    path: ["../../wit", "wit"],
    world: "flint:mqtt-http/http",
    generate_all,
    with: {
        "flint:mqtt/connector@0.2.0/meta": mqtt_connector_contract::connector::Meta,
        "flint:mqtt/connector@0.2.0/response": mqtt_connector_contract::connector::Response,
    },
});

pub(crate) use flint::mqtt::connector;
