//! The contract's world, `wit/connector.wit`, as Rust: what the component is called by, and the functions that it calls. The
//! types are the contract's own ([`mqtt_connector_contract::publisher`], [`mqtt_connector_contract::connector`]).

mqtt_connector_contract::generate!(
    path: "../../wit",
    world: "mqtt-connector-in-steps",
    with: {
        "flint:mqtt/connector@0.2.0/meta": mqtt_connector_contract::connector::Meta,
        "flint:mqtt/connector@0.2.0/response": mqtt_connector_contract::connector::Response,
        "flint:mqtt/steps@0.2.0/connection": crate::publication::Connection,
        "flint:mqtt/steps@0.2.0/foreseen": crate::action::Foreseen,
        "flint:mqtt/steps@0.2.0/outcome": crate::action::Outcome,
    },
);

pub(crate) use flint::mqtt::publisher;
