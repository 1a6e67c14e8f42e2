"""A unit with an installed client certificate, a store in memory and a running forwarder."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from cryptography import x509

from sealwire.appliance.forwarder import Policy
from sealwire.appliance.ports import Destination
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.clock import SystemClock, SystemRandom
from sealwire.errors import NotFoundError
from sealwire.identity.ports import InstalledIdentity
from sealwire.net.dispatcher import Dispatcher, IdentitySource
from sealwire.stores.memory import MemoryStore
from sealwire.x509.keys import key_id

if TYPE_CHECKING:
    from types import TracebackType

    from sealwire.appliance.delivery import DestinationStatus
    from sealwire.appliance.ports import ApplianceTx
    from tests.flow.authority import TlsFiles

IDENTITY = "appliance:one"
QUICK = Policy(first_wait=0.05, longest_wait=0.4, proving_grace=0.2, persist_every=0.1)


class Keys:
    """Keys in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def save_key(self, key_id: str, pkcs8_pem: bytes) -> None:
        self.kept[key_id] = pkcs8_pem

    def remove_key(self, key_id: str) -> None:
        self.kept.pop(key_id, None)

    def load_key(self, key_id: str) -> bytes:
        if key_id not in self.kept:
            raise NotFoundError("key.unknown", "no such key")
        return self.kept[key_id]


class StreamingUnit:
    """``start`` runs the forwarder; leaving the block stops it."""

    def __init__(self, policy: Policy = QUICK) -> None:
        self.store = MemoryStore()
        self.keys = Keys()
        self.clock = SystemClock()
        self.recorder = Recorder(self.clock, "unit.example.com", AuditFormat.V10_4_5, "1")
        self.identity = IdentitySource(self.store, self.keys, IDENTITY)
        self.policy = policy
        self.dispatcher = self.new_dispatcher()

    def new_dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self.store, self.recorder, self.clock, SystemRandom(), self.identity, self.policy
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.dispatcher.stop()

    def install(self, files: TlsFiles) -> None:
        chain = files.certificate.read_text("ascii")
        identifier = key_id(x509.load_pem_x509_certificate(chain.encode()).public_key())
        self.keys.save_key(identifier, files.key.read_bytes())

        def use_case(tx: ApplianceTx) -> None:
            current = tx.installed_identity(IDENTITY)
            tx.install_identity(
                InstalledIdentity(
                    IDENTITY,
                    current.generation + 1 if current else 1,
                    identifier,
                    chain,
                    self.clock.now(),
                    self_signed=False,
                )
            )

        self.store.run(use_case)

    def add(self, port: int, files: TlsFiles, *, server_name: str = "localhost") -> Destination:
        destination = Destination(
            name="there",
            host="127.0.0.1",
            port=port,
            transport="tls",
            server_name=server_name,
            trust_pem=files.ca.read_text("ascii"),
            mutual=True,
            enabled=True,
        )
        self.store.run(lambda tx: tx.put_destination(destination))
        return destination

    def switch(self, destination: Destination, *, enabled: bool) -> None:
        self.store.run(lambda tx: tx.put_destination(replace(destination, enabled=enabled)))
        self.dispatcher.poke()

    def start(self) -> None:
        self.dispatcher.start()

    def record(self, count: int, trail: str = "inputs") -> None:
        def use_case(tx: ApplianceTx) -> None:
            for number in range(count):
                self.recorder.record_line(tx, trail, b"line %d" % number, "test")

        self.store.run(use_case)
        self.dispatcher.wake()

    def recorded(self, trail: str = "inputs") -> list[bytes]:
        size = self.store.read(lambda tx: tx.trail_head(trail).size)
        records = self.store.read(lambda tx: tx.trail_records(trail, start=0, limit=size or 1))
        return [record.message for record in records]

    def cursor(self, trail: str = "inputs") -> int:
        return self.store.read(lambda tx: tx.cursor("there", trail))

    def status(self) -> DestinationStatus:
        (status,) = self.dispatcher.status()
        return status

    def delivery_events(self) -> list[str]:
        records = self.store.read(lambda tx: tx.trail_records("delivery", start=0, limit=100))
        return [record.text for record in records]
