//! The scripted broker below TLS: alerts, and bytes that are no record.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::Arc;

use mqtt_connector_tests::pki::Pki;
use mqtt_connector_tests::{ScriptedBroker, ServerTls, Step};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, Error, InvalidMessage, RootCertStore, StreamOwned,
};

/// What TLS at a client says of what it reads after the handshake, when the broker then does `steps`.
fn read_after_handshake(steps: impl IntoIterator<Item = Step>) -> Option<Error> {
    let pki = Pki::new();
    let broker =
        ScriptedBroker::builder().tls(ServerTls::new(&pki.server(&["127.0.0.1"]))).connection(steps).start();
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(pki.authority().text().as_bytes()).expect("PEM");
    roots.add(authority).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").expect("an address");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let socket = TcpStream::connect(broker.address()).expect("connected");
    let mut stream = StreamOwned::new(client, socket);
    let error = stream.read(&mut [0; 100]).err().filter(|error| error.kind() == ErrorKind::InvalidData);
    drop(stream);
    broker.finish();
    error.and_then(|error| error.into_inner()?.downcast().ok()).map(|error| *error)
}

#[test]
fn fatal_alert_is_sent() {
    let error = read_after_handshake([Step::fatal_alert(), Step::close_without_notify()]);
    assert_eq!(error, Some(Error::AlertReceived(AlertDescription::BadRecordMac)));
}

#[test]
fn bytes_beneath_tls_are_sent_as_they_are() {
    let error = read_after_handshake([Step::send_beneath_tls("HTTP/1.1 ")]);
    assert_eq!(error, Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)));
}

#[test]
fn alert_without_tls_is_a_problem() {
    let broker = ScriptedBroker::builder().connection([Step::fatal_alert()]).start();
    let _client = TcpStream::connect(broker.address()).expect("connected");
    let problems = broker.finish_unchecked().problems;
    assert_eq!(problems, ["connection 0, step 0: fatal alert: could not send: there is no TLS"]);
}
