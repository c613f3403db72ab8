//! The interface `connector` for whoever calls this component, and does not start it.

use mqtt_connector_contract::connector::Response;
use mqtt_connector_guest::schema;
use mqtt_connector_wasi::connector;

use crate::bindings::exports::flint::mqtt::connector::Guest;

struct Component;

impl Guest for Component {
    fn send(config: String, request: String) -> Response {
        Response { meta: connector::send(&config, &request) }
    }

    fn send_batch(config: String, requests: Vec<String>) -> Vec<Response> {
        connector::send_batch(&config, &requests).into_iter().map(|meta| Response { meta }).collect()
    }

    fn check(config: String, request: String) -> Response {
        Response { meta: connector::check(&config, &request) }
    }

    fn schema() -> String {
        schema::schema()
    }
}

crate::bindings::export!(Component with_types_in crate::bindings);
