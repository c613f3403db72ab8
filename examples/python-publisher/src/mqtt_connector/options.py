"""What the contract's connect options and properties are called in paho-mqtt."""

import ssl
import tempfile

from paho.mqtt.client import Client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from wasmtime.component import Record

QOS = {"at-most-once": 0, "at-least-once": 1, "exactly-once": 2}


def record(**fields) -> Record:
    """A record of the contract."""
    made = Record()
    made.__dict__.update(fields)
    return made


def configure(client: Client, options: Record) -> None:
    """Tells a client who it is, its will and its TLS. `ValueError` or `ssl.SSLError` for certificates that cannot be used."""
    if options.credentials is not None:
        client.username_pw_set(options.credentials.username, options.credentials.password)
    if (will := options.will) is not None:
        properties = None if will.properties is None else of(PacketTypes.WILLMESSAGE, will.properties, WILL)
        client.will_set(will.topic, will.payload, QOS[will.qos], will.retain, properties)
    if options.tls is not None:
        client.tls_set_context(context(options.tls))


def context(tls: Record) -> ssl.SSLContext:
    """TLS as it was asked for: no version below 1.2, the server verified, its name as well."""
    root, identity, name = getattr(tls, "root-ca"), tls.identity, getattr(tls, "server-name")
    made = ssl.create_default_context(cadata=None if root is None else root.payload)
    if protocols := getattr(tls, "alpn-protocols"):
        made.set_alpn_protocols(protocols)
    if identity is not None:
        # The standard library reads certificates from files alone. These are the owner's, and gone at once.
        with tempfile.NamedTemporaryFile("w") as certificate, tempfile.NamedTemporaryFile("w") as key:
            for file, pem in (certificate, identity.certificate), (key, getattr(identity, "private-key")):
                file.write(pem.payload)
                file.flush()
            # Without a password, OpenSSL would ask for it at the terminal.
            password = getattr(identity, "private-key-password") or ""
            made.load_cert_chain(certificate.name, key.name, lambda: password)
    if name is not None:
        wrap = made.wrap_socket
        made.wrap_socket = lambda socket, **more: wrap(socket, **{**more, "server_hostname": name})
    return made


def of(packet: int, values: Record, names: dict[str, str]) -> Properties:
    """MQTT 5 properties of a packet: those of `values` that have a value, under the names that paho-mqtt gives them."""
    properties = Properties(packet)
    for name, theirs in names.items():
        value = getattr(values, name)
        if value is not None and value is not False and value != []:
            setattr(properties, theirs, int(value) if isinstance(value, bool) else value)
    return properties


WILL = {
    "delay-interval": "WillDelayInterval",
    "payload-format-indicator": "PayloadFormatIndicator",
    "message-expiry-interval": "MessageExpiryInterval",
    "content-type": "ContentType",
}
PUBLISH = {
    "payload-format-indicator": "PayloadFormatIndicator",
    "content-type": "ContentType",
    "response-topic": "ResponseTopic",
    "correlation-data": "CorrelationData",
    "message-expiry-interval": "MessageExpiryInterval",
    "user-properties": "UserProperty",
}


def publish_properties(values: Record | None) -> Properties | None:
    """What PUBLISH says beside the message."""
    return None if values is None else of(PacketTypes.PUBLISH, values, PUBLISH)


def connect_properties(options: Record) -> Properties:
    """What CONNECT says beside the rest."""
    return of(PacketTypes.CONNECT, options, {"session-expiry-interval": "SessionExpiryInterval"})
