"""A client of paho-mqtt that says the truth about one message at a time."""

import contextlib
import random
import socket
import ssl
import time

from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import WebsocketConnectionError
from paho.mqtt.enums import CallbackAPIVersion, MessageState, MessageType, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MQTTException
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from wasmtime.component import Record, Variant

from .options import QOS, configure, connect_properties, publish_properties, record

TRANSIENT = {3, 136, 137, 139, 141, 150, 159, 160}
"""Codes with which a broker says that another connection may go better (docs/delivery.md)."""
NOT_RETAINED = 154
"""Retain not supported (MQTT 5.0, section 2.4)."""
PUBREC_GRACE = 5.0
"""Seconds that a broker which answers QoS 2 with PUBACK has to send PUBREC."""


class Ended(Exception):
    """Why a connection ended, or could not be had. `case` is one of `error` in the contract."""

    def __init__(self, case: str, reason: str, broker: int = 0, transient: bool = False, refusal: Record | None = None):
        super().__init__(reason)
        self.case, self.reason, self.broker, self.is_transient, self.refusal = case, reason, broker, transient, refusal

    def about(self, sent: bool) -> Variant:
        """The error of a message. One that was sent may have arrived, whatever came after: it is never called unsent."""
        progress = "sent-unacknowledged" if sent else "not-sent"
        failure = record(broker=self.broker, progress=progress, reason=self.reason)
        match self.case:
            case "disconnected":
                return Variant(self.case, record(progress=progress, refusal=self.refusal))
            case "connection-lost" | "timed-out" | "protocol":
                return Variant(self.case, failure)
            case _ if sent:
                return Variant("connection-lost", failure)
            case "connection-refused":
                return Variant(self.case, self.refusal)
            case _:
                return Variant(self.case, self.reason)


class Client(PahoClient):
    """One client identifier, one connection at a time. `sent` says whether the message that is not settled may have arrived."""

    def __init__(self, options: Record, begun: float, deadline: float) -> None:
        self.sent, self.begun, self.deadline = False, begun, deadline
        self.keeps_session = not getattr(options, "clean-session")
        self._v5 = getattr(options, "protocol-version") == "v5"
        super().__init__(
            CallbackAPIVersion.VERSION2,
            getattr(options, "client-id"),
            clean_session=None if self._v5 else not self.keeps_session,
            protocol=MQTTProtocolVersion.MQTTv5 if self._v5 else MQTTProtocolVersion.MQTTv311,
            transport="websockets" if options.brokers[0].transport.startswith("websocket") else "tcp",
            # Or it would change the protocol or the client identifier where a broker refuses them.
            reconnect_on_failure=False,
            # Nobody has subscribed: what a broker sends all the same is not acknowledged.
            manual_ack=True,
        )
        self._keep_alive = getattr(options, "keep-alive")
        self._of_connect = {"clean_start": not self.keeps_session, "properties": connect_properties(options)} if self._v5 else {}
        self._headers = {header.name: header.value for header in getattr(options, "websocket-headers")}
        if self.keeps_session:
            # An identifier may be half done since an earlier process, and paho-mqtt begins with 1 in each.
            self._last_mid = random.randrange(65535)
        self._broker, self._connections = 0, 0
        self._is_settled, self._until = False, deadline
        self.on_connect, self.on_publish = self._accepted, self._settled
        try:
            configure(self, options)
        except (ssl.SSLError, ValueError):
            raise self._ended("unusable-credential", "root-ca-crt, certificate or private-key: it is not PEM that OpenSSL reads, or they do not fit") from None

    def open(self, number: int, broker: Record) -> None:
        """Connects, and waits until the broker accepts."""
        self._broker, self._has_connack, self._forgotten = number, False, False
        self._connections += 1
        try:
            if self.transport == "websockets":
                self.ws_set_options(broker.path, self._headers or None)
            self.connect_timeout = self._left("connecting")
            self.connect(broker.host, broker.port, self._keep_alive, **self._of_connect)
        except socket.gaierror:
            raise self._ended("host-not-found", f"no address was found for {broker.host}") from None
        except TimeoutError:
            raise self._ended("timed-out", "no answer in time, while connecting") from None
        except ssl.SSLCertVerificationError:
            raise self._ended("tls", "the broker's certificate was not accepted") from None
        except ssl.SSLError:
            raise self._ended("tls", "the handshake failed") from None
        except WebsocketConnectionError:
            raise self._ended("protocol", "the WebSocket handshake failed") from None
        except (ConnectionResetError, BrokenPipeError):
            if broker.transport == "tls":
                raise self._ended("tls", "the connection was lost during the handshake") from None
            raise self._lost("connecting") from None
        except OSError:
            raise self._ended("unreachable", "no connection could be made", transient=True) from None
        while not self.is_connected():
            self._turn("waiting for CONNACK")
        if self._forgotten:
            self.close()
            raise self._ended("connection-lost", "the broker did not keep the session")

    def deliver(self, message: Record) -> Record | Variant:
        """Publishes, and waits for the acknowledgement that is the message's own. `Ended` if that does not come."""
        qos = min(QOS[message.qos], self._maximum_qos)
        if message.retain and not self._may_retain:
            return Variant("publish-refused", self._refusal(NOT_RETAINED))
        if not self.sent:
            self._code, self._refused = 0, None
            # QoS 0 was sent when paho-mqtt says so. Of the others, every byte counts as if it were the last.
            self.sent = qos > 0
            properties = publish_properties(message.properties) if self._v5 else None
            self.publish(message.topic, message.payload, qos, message.retain, properties)
        self._until = self.deadline
        while not self._is_settled:
            self._turn("waiting for the acknowledgement")
        self.sent = self._is_settled = False
        if self._refused is not None:
            return Variant("publish-refused", self._refused)
        elapsed = int((time.monotonic() - self.begun) * 1_000_000)
        return record(**{
            "qos": list(QOS)[qos], "reason-code": self._code, "broker": self._broker,
            "assigned-client-id": self._assigned, "elapsed-microseconds": elapsed,
        })

    def close(self) -> None:
        """Ends the connection with DISCONNECT, so that the will is not published."""
        with contextlib.suppress(Ended):
            self.disconnect()
            while self.want_write():
                self._turn("disconnecting")

    def drop(self) -> None:
        """Ends the connection without a word, if there is one: the broker publishes the will."""
        self._sock_close()
        # Without a socket, nothing is sent, and paho-mqtt knows that the connection is over.
        self.disconnect()

    def _accepted(self, _client, _userdata, flags, _code, properties) -> None:
        of = lambda name, default: getattr(properties, name, default)
        self._assigned, self._maximum_qos = of("AssignedClientIdentifier", None), of("MaximumQoS", 2)
        self._may_retain = of("RetainAvailable", 1) == 1
        if self.sent and not flags.session_present and any(message.qos == 2 for message in self._out_messages.values()):
            # Sent again, it might arrive twice.
            self.drop_out_messages()
            self._forgotten = True

    def _settled(self, *_arguments) -> None:
        self._is_settled = True

    def _packet_handle(self) -> MQTTErrorCode:
        """paho-mqtt takes PUBACK for QoS 2 and PUBCOMP for QoS 1, goes on after a PUBREC that refuses, and hides the return code of
        some refusals. Such packets end here."""
        kind, packet = self._in_packet["command"] & 0xF0, bytes(self._in_packet["packet"])
        if (kind == MessageType.CONNACK) == self._has_connack:
            raise self._ended("protocol", "CONNACK is not its first packet, or not its only CONNACK")
        if kind == MessageType.CONNACK:
            self._has_connack = True
            if len(packet) >= 2 and packet[1]:
                code, words = packet[1], packet[2:]
                refusal = self._refusal(code, PacketTypes.CONNACK, words)
                reason = f"the broker refused the connection with code {code}"
                raise self._ended("connection-refused", reason, transient=code in TRANSIENT, refusal=refusal)
        elif kind == MessageType.DISCONNECT and self._v5 and packet and packet[0] >= 128:
            refusal = self._refusal(packet[0], PacketTypes.DISCONNECT, packet[1:])
            raise self._ended("disconnected", "the broker ended the connection", transient=packet[0] in TRANSIENT, refusal=refusal)
        elif kind == MessageType.DISCONNECT:
            raise self._lost("waiting for the acknowledgement")
        elif kind in (MessageType.PUBACK, MessageType.PUBREC, MessageType.PUBCOMP) and not self._is_own(kind, packet):
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        return super()._packet_handle()

    def _is_own(self, kind: int, packet: bytes) -> bool:
        """Whether this is the acknowledgement that the message waits for, and the exchange goes on."""
        identifier, code = int.from_bytes(packet[:2], "big"), packet[2] if len(packet) > 2 else 0
        message = self._out_messages.get(identifier)
        state = MessageState.MQTT_MS_INVALID if message is None else message.state
        match kind, state:
            case MessageType.PUBREC, MessageState.MQTT_MS_INVALID if code < 128:
                # Late or repeated: the broker waits for PUBREL.
                self._send_pubrel(identifier)
            case MessageType.PUBACK, MessageState.MQTT_MS_WAIT_FOR_PUBREC:
                self._until = min(self._until, time.monotonic() + PUBREC_GRACE)
            case (MessageType.PUBACK, MessageState.MQTT_MS_WAIT_FOR_PUBACK) | (
                MessageType.PUBREC, MessageState.MQTT_MS_WAIT_FOR_PUBREC,
            ) if code >= 128:
                # The exchange is over: there is no PUBREL (MQTT 5.0, section 4.3.3).
                self.drop_out_messages()
                self._is_settled, self._refused = True, self._refusal(code, PacketTypes.PUBACK, packet[3:])
            case (MessageType.PUBACK, MessageState.MQTT_MS_WAIT_FOR_PUBACK) | (
                MessageType.PUBREC, MessageState.MQTT_MS_WAIT_FOR_PUBREC,
            ):
                self._code, self._until = code, self.deadline
                return True
            case MessageType.PUBREC, MessageState.MQTT_MS_WAIT_FOR_PUBCOMP:
                return True
            case MessageType.PUBCOMP, MessageState.MQTT_MS_WAIT_FOR_PUBCOMP:
                if code >= 128 and self._connections == 1:
                    raise self._ended("protocol", f"PUBCOMP with reason code {code}, after PUBREC without")
                return True
        return False

    def _turn(self, stage: str) -> None:
        """Reads and writes what there is, or waits for it."""
        left = self._left(stage)
        if time.monotonic() >= self._until:
            self.close()
            raise self._ended("protocol", "it answered a message of QoS 2 with PUBACK: set qos to 1")
        try:
            result = self.loop(min(left, self._until - time.monotonic()))
        except OSError:
            raise self._lost(stage) from None
        except (MQTTException, LookupError, ValueError):
            result = MQTTErrorCode.MQTT_ERR_PROTOCOL
        if not self._has_connack and self._in_packet["command"] not in (0, MessageType.CONNACK):
            raise self._ended("protocol", "its first packet is not CONNACK")
        # A fourth byte of a length is the last one (MQTT 5.0, section 1.5.5); paho-mqtt waits for a fifth.
        if result == MQTTErrorCode.MQTT_ERR_PROTOCOL or any(byte & 0x80 for byte in self._in_packet["remaining_count"][3:]):
            raise self._ended("protocol", "a packet that cannot be read")
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS and not self._is_settled:
            raise self._lost(stage)

    def _left(self, stage: str) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise self._ended("timed-out", f"no answer in time, while {stage}")
        return left

    def _lost(self, stage: str) -> Ended:
        return self._ended("connection-lost", f"the connection ended, while {stage}", transient=True)

    def _ended(self, case: str, reason: str, **more) -> Ended:
        return Ended(case, reason, self._broker, **more)

    def _refusal(self, code: int, packet: int = PacketTypes.CONNACK, properties: bytes = b"") -> Record:
        """The code of a refusal, and under MQTT 5 the broker's own words."""
        words = Properties(packet)
        if self._v5 and properties:
            words.unpack(properties)
        reference = getattr(words, "ServerReference", None)
        return record(**{"broker": self._broker, "code": code, "reason": getattr(words, "ReasonString", ""), "server-reference": reference})
