//! The connector behind HTTP, for `wasmtime serve` and other hosts of `wasi:http`: POST a request document, to whatever path, and
//! the answer is the response, `{"meta":{…}}`, with status 200 whatever its exit code.
//!
//! The configuration is from the environment (module `config`). Faults of the call itself are problem details (RFC 9457).
#![cfg(target_os = "wasi")]
#![deny(unsafe_code)]

mod config;

use std::io::{Read as _, Write};

use mqtt_connector_contract::connector::Response;
use mqtt_connector_wasi::connector;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam, StatusCode,
};

/// The most bytes of a request document: as many as the command line takes.
const LARGEST: u64 = 256 << 20;

struct Component;

impl Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        match answer(&request) {
            Ok(response) => {
                let json = serde_json::to_vec(&response).unwrap_or_default();
                write(out, 200, &[("content-type", "application/json")], &json);
            }
            Err(problem) => problem.write(out),
        }
    }
}

/// What is wrong with a call.
struct Problem {
    status: StatusCode,
    title: &'static str,
}

fn answer(request: &IncomingRequest) -> Result<Response, Problem> {
    if !matches!(request.method(), Method::Post) {
        return Err(Problem { status: 405, title: "a request document is sent with POST" });
    }
    let mut document = Vec::new();
    let broken = |_| Problem { status: 400, title: "the request document has not come to its end" };
    {
        let body = request.consume().map_err(broken)?;
        let stream = body.stream().map_err(broken)?;
        let read = stream.take(LARGEST + 1).read_to_end(&mut document);
        read.map_err(|_| broken(()))?;
    }
    if document.len() as u64 > LARGEST {
        return Err(Problem { status: 413, title: "the request document is larger than 256 MiB" });
    }
    let document = String::from_utf8(document)
        .map_err(|_| Problem { status: 400, title: "the request document is not UTF-8 text" })?;
    Ok(Response { meta: connector::send(&config::of_request(), &document) })
}

impl Problem {
    fn write(&self, out: ResponseOutparam) {
        let json = serde_json::json!({ "status": self.status, "title": self.title }).to_string();
        let mut headers = vec![("content-type", "application/problem+json")];
        if self.status == 405 {
            headers.push(("allow", "POST"));
        }
        write(out, self.status, &headers, json.as_bytes());
    }
}

fn write(out: ResponseOutparam, status: StatusCode, headers: &[(&str, &str)], body: &[u8]) {
    let fields = Fields::new();
    for (name, value) in headers {
        // The names are well-formed, and nobody has forbidden them.
        let _ = fields.append(name, value.as_bytes());
    }
    let response = OutgoingResponse::new(fields);
    let _ = response.set_status_code(status);
    let Ok(outgoing) = response.body() else { return };
    ResponseOutparam::set(out, Ok(response));
    if let Ok(mut stream) = outgoing.write() {
        // Whoever asked may have gone.
        let _ = stream.write_all(body).and_then(|()| Write::flush(&mut stream));
    }
    let _ = OutgoingBody::finish(outgoing, None);
}

wasip2::http::proxy::export!(Component);
