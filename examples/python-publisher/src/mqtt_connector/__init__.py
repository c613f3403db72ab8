"""The MQTT `send` connector: a WebAssembly component that decides, over a publisher in Python that acts."""

import json
from importlib import resources

from wasmtime import Engine, Store
from wasmtime.component import Component, Linker

from .publisher import Publisher

__all__ = ["Connector", "Publisher"]

CONNECTOR = "flint:mqtt/connector@0.2.0"
PUBLISHER = "flint:mqtt/publisher@0.2.0"
MEMORY = 64 << 20
"""Bytes of memory that one call may have."""


class Connector:
    """The component, compiled once. Calls may come from several threads: each has an instance of its own."""

    def __init__(self) -> None:
        self._engine = Engine()
        self._component = Component(self._engine, resources.files(__package__).joinpath("connector.wasm").read_bytes())

    def send(self, publisher: Publisher, config: dict | str, request: dict | str) -> dict:
        """Sends one message, with what `publisher` is granted. The answer is `{"meta": {"exit-code": …, "message": …}}`.

        A document that is given as JSON text is passed as it stands, with the digits of its numbers. `WasmtimeError` is a fault
        of the component, or a message that is too large for this host.
        """
        return self._call(publisher, "send", config, request)

    def check(self, publisher: Publisher, config: dict | str, request: dict | str) -> dict:
        """What `send` would answer, as far as that is known without the network."""
        return self._call(publisher, "check", config, request)

    def _call(self, publisher: Publisher, function: str, config: dict | str, request: dict | str) -> dict:
        call = publisher.call()
        linker = Linker(self._engine)
        with linker.root() as root, root.add_instance(PUBLISHER) as instance:
            instance.add_func("publish", lambda _store, *arguments: call.publish(*arguments))
            instance.add_func("check", lambda _store, *arguments: call.check(*arguments))
            instance.add_func("connections-tried", lambda _store: call.connections_tried)
        store = Store(self._engine)
        store.set_limits(memory_size=MEMORY)
        instance = linker.instantiate(store, self._component)
        exports = instance.get_export_index(store, CONNECTOR)
        function = instance.get_func(store, instance.get_export_index(store, function, exports))
        meta = function(store, text(config), text(request)).meta
        return {"meta": {"exit-code": getattr(meta, "exit-code"), "message": meta.message}}


def text(document: dict | str) -> str:
    """A document as JSON. What is text already is passed as it stands."""
    if isinstance(document, str):
        return document
    # Half of a surrogate pair, which is no UTF-8, is escaped as JSON has it: the component refuses it.
    return json.dumps(document, ensure_ascii=False).encode(errors="backslashreplace").decode()
