//! The opening handshake (RFC 6455, section 4): a request in HTTP, and whether the answer is a WebSocket for MQTT.

use std::fmt::Write as _;

use mqtt_connector_contract::header::{self, MAX_HEADERS};
use mqtt_connector_contract::shown::{Shown, VALUE};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;
use zeroize::Zeroizing;

use super::stream::WebSocket;
use crate::contract::{Broker, ConnectOptions, Transport, WebsocketHeader};
use crate::dial::http::{Answer, NoAnswer};
use crate::dial::{http, lost};
use crate::error::Error;
use crate::options::MayBeShown;

const BAD_PATH: &str =
    "broker: the path begins with / and has no spaces, no control characters and no fragment";

/// Whether the handshake of `options` can be written as HTTP. A component that somebody else wrote may ask for anything.
///
/// # Errors
///
/// [`Error::Denied`], which names the header and never its value.
pub(crate) fn check(options: &ConnectOptions) -> Result<(), Error> {
    let mut has_handshake = false;
    for broker in &options.brokers {
        match broker.transport {
            Transport::Tcp | Transport::Tls => continue,
            Transport::Websocket | Transport::WebsocketTls => has_handshake = true,
        }
        http::host(&broker.host)?;
        let is_path = broker.path.bytes().all(|byte| matches!(byte, b'!'..=b'~') && byte != b'#')
            && (broker.path.is_empty() || broker.path.starts_with('/'));
        if !is_path {
            return Err(Error::Denied(BAD_PATH.to_owned()));
        }
    }
    let denied = |reason: String| Err(Error::Denied(format!("websocket-headers: {reason}")));
    if !has_handshake && !options.websocket_headers.is_empty() {
        return denied("none of the brokers is reached by WebSocket".to_owned());
    }
    for WebsocketHeader { name, value } in &options.websocket_headers {
        if !header::is_name(name) {
            return denied("a name is not one that HTTP can carry".to_owned());
        }
        if header::reserved(name).is_some() {
            let name = Shown::plain(name, VALUE);
            return denied(format!("{name} is for the handshake itself to say"));
        }
        if !header::is_value(value) {
            let name = Shown::plain(name, VALUE);
            return denied(format!("the value of {name} has a line end or another control character"));
        }
    }
    let total: usize =
        options.websocket_headers.iter().map(|header| header::length(&header.name, &header.value)).sum();
    if total > MAX_HEADERS {
        return denied(format!("they have {total} bytes, and {MAX_HEADERS} are the most"));
    }
    Ok(())
}

/// Opens a WebSocket for MQTT at `broker` over `stream`. The options have passed [`check`]; the broker's words are in an error
/// where they `may_be_shown`.
///
/// # Errors
///
/// [`Error::Unreachable`] for an answer that says that another try may succeed, [`Error::Protocol`] for any other answer that is
/// not a WebSocket for MQTT, [`Error::Lost`], and [`Error::Tls`] for an alert.
pub(crate) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    broker: &Broker,
    headers: &[WebsocketHeader],
    may_be_shown: MayBeShown<'_>,
) -> Result<WebSocket<S>, Error> {
    let key = generate_key();
    let request = request(broker, headers, &key)?;
    let sent = async {
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await
    };
    sent.await.map_err(|error| lost::explain(&error))?;
    drop(request);
    let answer = Answer::read(&mut stream).await;
    let answer = answer.map_err(|why| no_answer(why, broker.transport))?;
    verify(&answer, &key, may_be_shown)?;
    Ok(WebSocket::new(stream, answer.rest))
}

fn request(broker: &Broker, headers: &[WebsocketHeader], key: &str) -> Result<Zeroizing<String>, Error> {
    let default_port = if broker.transport == Transport::WebsocketTls { 443 } else { 80 };
    let (host, path) = (http::host(&broker.host)?, if broker.path.is_empty() { "/" } else { &broker.path });
    let port = if broker.port == default_port { String::new() } else { format!(":{}", broker.port) };
    // With capacity for everything: a string that grows leaves a copy behind in memory, and the headers may be secret.
    let size: usize = headers.iter().map(|header| header::length(&header.name, &header.value)).sum();
    let mut request = Zeroizing::new(String::with_capacity(size + path.len() + host.len() + 256));
    // Writing to a string does not fail.
    let _ = write!(
        request,
        "GET {path} HTTP/1.1\r\nHost: {host}{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
    );
    for WebsocketHeader { name, value } in headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    request.push_str("\r\n");
    Ok(request)
}

fn no_answer(why: NoAnswer, transport: Transport) -> Error {
    const TLS_ALERT: u8 = 0x15;
    match why {
        NoAnswer::Lost(error) => lost::explain(&error),
        NoAnswer::NotHttp(bytes)
            if bytes.first() == Some(&TLS_ALERT) && transport == Transport::Websocket =>
        {
            Error::Protocol("it answers in TLS; a WebSocket behind TLS is named with wss://".to_owned())
        }
        NoAnswer::NotHttp(_) => {
            let plain = if transport == Transport::Websocket { "tcp" } else { "ssl" };
            Error::Protocol(format!(
                "it does not answer the WebSocket handshake in HTTP; a broker without WebSockets is named with {plain}://"
            ))
        }
        NoAnswer::Unusable(what) => Error::Protocol(what.to_owned()),
    }
}

/// Whether `answer` is that of a WebSocket for MQTT (section 4.1; MQTT, section 6).
fn verify(answer: &Answer, key: &str, may_be_shown: MayBeShown<'_>) -> Result<(), Error> {
    let protocol = |what: &str| Err(Error::Protocol(what.to_owned()));
    match answer.status {
        101 => {}
        408 | 429 | 500 | 502 | 503 | 504 => {
            return Err(Error::Unreachable(refusal(answer, may_be_shown)));
        }
        _ => return Err(Error::Protocol(refusal(answer, may_be_shown))),
    }
    if !answer.lists("upgrade", "websocket") || !answer.lists("connection", "upgrade") {
        return protocol("its answer to the WebSocket handshake changes to something else");
    }
    let mut accepted = answer.values("sec-websocket-accept");
    if accepted.next() != Some(derive_accept_key(key.as_bytes()).as_bytes()) || accepted.next().is_some() {
        return protocol("its answer to the WebSocket handshake is not for this one (Sec-WebSocket-Accept)");
    }
    if answer.values("sec-websocket-extensions").any(|value| !value.trim_ascii().is_empty()) {
        return protocol("its answer to the WebSocket handshake has an extension that was not asked for");
    }
    let mut selected = answer.values("sec-websocket-protocol");
    match (selected.next(), selected.next()) {
        (Some(b"mqtt"), None) => Ok(()),
        (None, _) => protocol("its WebSocket is not for MQTT: it did not select the subprotocol mqtt"),
        (Some(_), _) => protocol("its WebSocket is not for MQTT: it selected another subprotocol than mqtt"),
    }
}

/// The status line of an answer that opens no WebSocket, and where it would lead, or which parameter to look at.
fn refusal(answer: &Answer, may_be_shown: MayBeShown<'_>) -> String {
    let line = answer.status_line(may_be_shown);
    let location = answer.values("location").next().filter(|_| (300..400).contains(&answer.status));
    let more = match (answer.status, location.map(without_secrets)) {
        (_, Some(location)) if may_be_shown(&location) => {
            format!(", to {}; redirects are not followed", http::shown(&location))
        }
        (401 | 403, _) => "; look at websocket-headers and the path of broker".to_owned(),
        (404, _) => "; look at the path of broker".to_owned(),
        _ => String::new(),
    };
    format!("it answered the WebSocket handshake with {line}{more}")
}

/// A URL without its user information, and without what follows the path, which is often a token.
fn without_secrets(url: &[u8]) -> Vec<u8> {
    let end = url.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(url.len());
    let url = &url[..end];
    let host = url.windows(2).position(|pair| pair == b"//").map_or(0, |at| at + 2);
    let path = url[host..].iter().position(|byte| *byte == b'/').map_or(url.len(), |at| host + at);
    let user = url[host..path].iter().rposition(|byte| *byte == b'@').map_or(host, |at| host + at + 1);
    [&url[..host], &url[user..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::plain;

    fn broker(transport: Transport, host: &str, port: u16, path: &str) -> Broker {
        Broker { transport, host: host.to_owned(), port, path: path.to_owned() }
    }

    fn options(broker: Broker, headers: &[(&str, &str)]) -> ConnectOptions {
        let header = |(name, value): &(&str, &str)| WebsocketHeader {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        ConnectOptions { websocket_headers: headers.iter().map(header).collect(), ..plain(broker) }
    }

    #[test]
    fn the_host_is_written_as_http_wants_it() {
        use Transport::{Websocket, WebsocketTls};
        for (transport, host, port, written) in [
            (Websocket, "broker.example", 80, "broker.example"),
            (Websocket, "broker.example", 443, "broker.example:443"),
            (WebsocketTls, "broker.example", 443, "broker.example"),
            (WebsocketTls, "::1", 443, "[::1]"),
            (Websocket, "fd00::1", 8080, "[fd00::1]:8080"),
            (Websocket, "10.0.0.1", 8080, "10.0.0.1:8080"),
        ] {
            let request = request(&broker(transport, host, port, ""), &[], "key").unwrap();
            let start = format!("GET / HTTP/1.1\r\nHost: {written}\r\n");
            assert!(request.starts_with(&start), "{}", request.as_str());
        }
    }

    #[test]
    fn what_would_write_another_request_is_denied() {
        let path = |path: &str| options(broker(Transport::Websocket, "h", 80, path), &[]);
        let host = |host: &str| options(broker(Transport::WebsocketTls, host, 443, "/"), &[]);
        let header =
            |name: &str, value: &str| options(broker(Transport::Websocket, "h", 80, "/"), &[(name, value)]);
        let long = "x".repeat(MAX_HEADERS);
        let bad_host =
            "broker: for a WebSocket or a proxy, a host has letters, digits, - . _ and 255 bytes at most";
        let control = "websocket-headers: the value of X has a line end or another control character";
        let no_name = "websocket-headers: a name is not one that HTTP can carry";
        for (asked, reason) in [
            (path("mqtt"), BAD_PATH),
            (path("/a b"), BAD_PATH),
            (path("/a\r\nX: y"), BAD_PATH),
            (path("/a#b"), BAD_PATH),
            (path("/\u{fc}"), BAD_PATH),
            (host("a\r\nX: y"), bad_host),
            (host("a/b"), bad_host),
            (host("a@b"), bad_host),
            (host(""), bad_host),
            (header("X", "a\r\nY: b"), control),
            (header("X", "a\nb"), control),
            (header("X", "\0"), control),
            (header("X: y\r\nZ", "s3cret"), no_name),
            (header("", "s3cret"), no_name),
            (header("X Y", "s3cret"), no_name),
            (header("hOST", "s3cret"), "websocket-headers: hOST is for the handshake itself to say"),
            (
                header("Content-Length", "5"),
                "websocket-headers: Content-Length is for the handshake itself to say",
            ),
            (
                header("sec-websocket-Extensions", "x"),
                "websocket-headers: sec-websocket-Extensions is for the handshake itself to say",
            ),
            (header("X", &long), "websocket-headers: they have 16389 bytes, and 16384 are the most"),
        ] {
            assert_eq!(check(&asked), Err(Error::Denied(reason.to_owned())));
        }
        for fine in [path(""), path("/a?b=c"), host("::1"), header("X", ""), header("X", "na\u{ef}ve\tb")] {
            assert_eq!(check(&fine), Ok(()));
        }
    }
}
