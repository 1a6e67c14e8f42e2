"""A CA on a store in memory, with a clock that stands and bytes that can be foretold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.ca.profiles import shipped_profiles
from sealwire.ca.service import CertificateAuthority
from sealwire.ca.setup import SetupPlan
from sealwire.ca.software_keys import SoftwareKeys
from sealwire.errors import NotFoundError
from sealwire.stores.memory import MemoryStore
from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, generate_key
from sealwire.x509.subject import parse_dn

if TYPE_CHECKING:
    from sealwire.audit.ports import TrailRecord
    from sealwire.ca.ports import Request
    from sealwire.ca.profiles import ProfileCatalogue
    from sealwire.ca.setup import Initialised
    from sealwire.x509.keys import PrivateKey

START = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)
ANYBODY = "$NonRoleUser$"


class StandingClock:
    """Moves only when told to."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def now_ns(self) -> int:
        return int(self.time.timestamp()) * 1_000_000_000

    def monotonic(self) -> float:
        return self.time.timestamp()

    def advance(self, step: timedelta) -> None:
        self.time += step


class CountedBytes:
    """SHA-256 of a counter: never the same twice, always the same in every run."""

    def __init__(self) -> None:
        self._count = 0

    def token_bytes(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            self._count += 1
            octets += hashlib.sha256(str(self._count).encode()).digest()
        return octets[:count]


class KeyShelf:
    """A key store in memory."""

    def __init__(self, keys: dict[str, bytes] | None = None) -> None:
        self.keys = keys or {}

    def save_key(self, key_id: str, pkcs8_pem: bytes) -> None:
        self.keys[key_id] = pkcs8_pem

    def remove_key(self, key_id: str) -> None:
        self.keys.pop(key_id, None)

    def load_key(self, key_id: str) -> bytes:
        if key_id not in self.keys:
            raise NotFoundError("key.unknown", "There is no such key.")
        return self.keys[key_id]


@dataclass
class Scene:
    """A CA and everything around it that a test may want to reach into."""

    audit_format: AuditFormat = AuditFormat.V10_4_5
    profiles: ProfileCatalogue = field(default_factory=shipped_profiles)
    store: MemoryStore = field(default_factory=MemoryStore)
    keys: KeyShelf = field(default_factory=KeyShelf)
    clock: StandingClock = field(default_factory=StandingClock)
    random: CountedBytes = field(default_factory=CountedBytes)

    @property
    def ca(self) -> CertificateAuthority:
        return CertificateAuthority(
            self.store,
            SoftwareKeys(self.keys),
            Recorder(self.clock, "ca.example.com", self.audit_format, "0.1.0"),
            profiles=self.profiles,
            clock=self.clock,
            random=self.random,
        )

    def submit(
        self,
        csr: bytes,
        profile_id: str = "caServerCert",
    ) -> Request:
        return self.ca.submit(profile_id, csr, actor=ANYBODY, remote_address="192.0.2.9")

    def trail(self) -> list[TrailRecord]:
        return list(self.store.read(lambda tx: tx.trail_records("ca", start=0, limit=10_000)))

    def texts(self) -> list[str]:
        return [record.text for record in self.trail()]


@cache
def _founded(key_type: KeyType) -> tuple[Scene, Initialised]:
    scene = Scene()
    made = scene.ca.initialise(SetupPlan(key_type=key_type, organization="Example"))
    return scene, made


def initialised(key_type: KeyType = KeyType.P256) -> Initialised:
    """What the making of the CA of ``founded`` handed over."""
    return _founded(key_type)[1]


def founded(
    key_type: KeyType = KeyType.P256, audit_format: AuditFormat = AuditFormat.V10_4_5
) -> Scene:
    """A CA of its own for each test, though the keys are made once."""
    first = _founded(key_type)[0]
    scene = Scene(audit_format=audit_format, keys=KeyShelf(dict(first.keys.keys)))
    scene.store._tables = first.store._tables.copy()
    scene.random._count = first.random._count
    return scene


@cache
def subscriber_key(key_type: KeyType = KeyType.RSA2048) -> PrivateKey:
    """A subscriber's key, made once."""
    return generate_key(key_type)


def csr_for(subject: str, *names: str, key_type: KeyType = KeyType.RSA2048) -> bytes:
    """A sound CSR, PEM."""
    return build_csr(subscriber_key(key_type), parse_dn(subject), names)
