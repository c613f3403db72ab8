//! The little of HTTP/1.1 (RFC 9112) that comes before something else: a WebSocket, or a proxy's tunnel.

use std::io;
use std::net::Ipv6Addr;

use bytes::BytesMut;
use mqtt_connector_contract::shown::{Shown, TOPIC};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::error::Error;

/// The largest head of an answer that is taken.
const MAX_HEAD: usize = 16 * 1024;
/// The most header fields that it may have.
const MAX_FIELDS: usize = 100;
/// How every answer begins.
const BEGINNING: &[u8] = b"HTTP/1.";

/// The head of an answer, and the bytes that came after it.
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    version: u8,
    reason: Vec<u8>,
    fields: Vec<(String, Vec<u8>)>,
    /// The bytes that came after the head.
    pub(crate) rest: BytesMut,
}

/// Why there is no answer.
pub(crate) enum NoAnswer {
    /// The connection ended, or is broken.
    Lost(io::Error),
    /// These bytes came, or more, and they are not HTTP.
    NotHttp(BytesMut),
    /// The head cannot be used. The words are a clause whose subject is the server.
    Unusable(&'static str),
}

impl Answer {
    /// Reads the head of an answer from `stream`, and not much more.
    ///
    /// # Errors
    ///
    /// See [`NoAnswer`].
    pub(crate) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Self, NoAnswer> {
        let mut bytes = BytesMut::with_capacity(1024);
        let mut searched = 0;
        loop {
            if stream.read_buf(&mut bytes).await.map_err(NoAnswer::Lost)? == 0 {
                return Err(NoAnswer::Lost(io::ErrorKind::UnexpectedEof.into()));
            }
            let begun = bytes.len().min(BEGINNING.len());
            if bytes[..begun] != BEGINNING[..begun] {
                return Err(NoAnswer::NotHttp(bytes));
            }
            if let Some(end) = end_of_head(&bytes, searched) {
                let rest = bytes.split_off(end);
                return Self::parse(&bytes, rest);
            }
            if bytes.len() >= MAX_HEAD {
                return Err(NoAnswer::Unusable("the head of its answer is longer than 16 KiB"));
            }
            searched = bytes.len();
        }
    }

    fn parse(head: &[u8], rest: BytesMut) -> Result<Self, NoAnswer> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut answer = httparse::Response::new(&mut fields);
        match answer.parse(head) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => {
                return Err(NoAnswer::Unusable("the head of its answer is cut off"));
            }
            Err(httparse::Error::TooManyHeaders) => {
                return Err(NoAnswer::Unusable("its answer has more than 100 header fields"));
            }
            Err(_) => return Err(NoAnswer::Unusable("its answer is malformed HTTP")),
        }
        let (version, status) = (answer.version.unwrap_or_default(), answer.code.unwrap_or_default());
        let reason = answer.reason.unwrap_or_default().as_bytes().to_vec();
        let fields =
            answer.headers.iter().map(|field| (field.name.to_owned(), field.value.to_vec())).collect();
        Ok(Self { status, version, reason, fields, rest })
    }

    /// The status line for messages, short and printable; the status alone, when the reason may not be shown.
    pub(crate) fn status_line(&self, may_be_shown: impl Fn(&[u8]) -> bool) -> String {
        let Self { status, version, reason, .. } = self;
        if may_be_shown(reason) {
            format!("HTTP/1.{version} {status} {}", shown(reason)).trim_end().to_owned()
        } else {
            format!("HTTP status {status}")
        }
    }

    /// The values of the fields with this name, in order.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.fields.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice())
    }

    /// Whether a field with this name lists `token`, in any case (RFC 9110, section 5.6.1).
    pub(crate) fn lists(&self, name: &str, token: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|listed| listed.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }
}

/// The end of a head that ends with an empty line; the first `searched` bytes have none.
fn end_of_head(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(3);
    let (mut line_ends, mut found) = (0, None);
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        match byte {
            b'\n' => line_ends += 1,
            b'\r' => {}
            _ => line_ends = 0,
        }
        if line_ends == 2 {
            found = Some(at + 1);
            break;
        }
    }
    found
}

/// A server's words, which should be text, as a message shows them.
pub(crate) fn shown(words: &[u8]) -> String {
    Shown::plain(&String::from_utf8_lossy(words), TOPIC).to_string()
}

/// `host`, in brackets if it is an IPv6 address, as it stands in a request.
///
/// # Errors
///
/// [`Error::Denied`] for characters that neither a name nor an address has: they could end the line, or the header.
pub(crate) fn host(host: &str) -> Result<String, Error> {
    if host.parse::<Ipv6Addr>().is_ok() {
        return Ok(format!("[{host}]"));
    }
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if host.is_empty() || host.len() > 255 || !host.bytes().all(belongs) {
        return Err(Error::Denied(
            "broker: for a WebSocket or a proxy, a host has letters, digits, - . _ and 255 bytes at most"
                .to_owned(),
        ));
    }
    Ok(host.to_owned())
}
