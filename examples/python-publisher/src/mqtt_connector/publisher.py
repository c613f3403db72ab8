"""The interface `publisher` of wit/connector.wit on paho-mqtt: each message is answered by its own acknowledgement."""

import random
import time
from urllib.parse import urlsplit

from wasmtime.component import Record, Variant

from .client import Client, Ended

SCHEMES = {"tcp": "tcp", "tls": "ssl", "websocket": "ws", "websocket-tls": "wss"}


class Publisher:
    """Publishes to the brokers that are granted, and to no other."""

    def __init__(self, brokers: list[str]) -> None:
        """`brokers` are URLs such as `ssl://broker.example:8883`; without a port, every port of that host is granted."""
        self._brokers = {(url.scheme, url.hostname, url.port) for url in map(urlsplit, brokers)}
        for scheme, host, _ in self._brokers:
            if scheme not in SCHEMES.values() or not host:
                raise ValueError(f"a grant is a URL such as ssl://broker.example:8883 or ssl://broker.example, and not of {scheme}:{host}")

    def call(self) -> "Call":
        """What one call of the component may use."""
        return Call(self)

    def grants(self, broker: Record) -> bool:
        scheme, host = SCHEMES[broker.transport], broker.host.lower()
        return any((scheme, host, port) in self._brokers for port in (broker.port, None))


class Call:
    """The three functions of `publisher`, for one call of the component."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.connections_tried = 0

    def check(self, options: Record, messages: list[Record], policy: Record) -> list | Variant:
        """Nothing is remarked: paho-mqtt says nothing of certificates."""
        if refused := self._refused(options):
            return refused
        try:
            Client(options, begun=0.0, deadline=0.0)
        except Ended as ended:
            return ended.about(sent=False)
        return []

    def publish(self, options: Record, messages: list[Record], policy: Record) -> list | Variant:
        self.connections_tried = 0
        begun = time.monotonic()
        if refused := self._refused(options):
            return refused
        try:
            client = Client(options, begun, begun + policy.timeout / 1000)
        except Ended as ended:
            return ended.about(sent=False)
        receipts: list = []
        for attempt in range(policy.retries + 1):
            try:
                self._connect(client, options.brokers)
                while len(receipts) < len(messages):
                    receipts.append(client.deliver(messages[len(receipts)]))
                client.close()
                return receipts
            except Ended as why:
                ended = why
                client.drop()
                # What was sent may have arrived. Again goes QoS 1, as a duplicate, and QoS 2 in a session that goes on.
                again = not client.sent or messages[len(receipts)].qos == "at-least-once" or client.keeps_session
                if not (ended.is_transient and again and attempt < policy.retries and wait(attempt, client.deadline)):
                    break
        if not receipts and not client.sent:
            return ended.about(sent=False)
        rest = [ended.about(sent=client.sent and number == 0) for number in range(len(messages) - len(receipts))]
        return receipts + rest

    def _connect(self, client: Client, brokers: list[Record]) -> None:
        """Tries the brokers in order, until one takes the connection or refuses the client."""
        for number, broker in enumerate(brokers):
            self.connections_tried += 1
            try:
                client.open(number, broker)
                return
            except Ended as ended:
                client.drop()
                if number + 1 == len(brokers) or not ended.is_transient:
                    raise

    def _refused(self, options: Record) -> Variant | None:
        """What is not granted is not tried. What cannot be done here is not left out in silence."""
        for broker in options.brokers:
            if not self._publisher.grants(broker):
                return Variant("denied", f"{broker.host}:{broker.port} is not among the brokers that are granted")
        if len({broker.transport for broker in options.brokers}) > 1:
            return Variant("denied", "all brokers of a list have one transport at this host")
        if options.proxy is not None:
            return Variant("denied", "this host has no proxies")
        if (tls := options.tls) is not None:
            identity = [] if tls.identity is None else [tls.identity.certificate, getattr(tls.identity, "private-key")]
            if any(pem is not None and pem.tag == "file" for pem in [getattr(tls, "root-ca"), *identity]):
                return Variant("denied", "a certificate or key is a file, and this host reads none: give its text")
            if not getattr(tls, "verify-server"):
                return Variant("denied", "this host always verifies the server")
        return None


def wait(attempt: int, deadline: float) -> bool:
    """Waits before the next connection: half to all of 100 ms, then of 200 ms and so on. False where the time is over before."""
    pause = min(5.0, 0.1 * 2**attempt) * random.uniform(0.5, 1)
    if time.monotonic() + pause >= deadline:
        return False
    time.sleep(pause)
    return True
