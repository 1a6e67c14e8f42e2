"""The API in this process: use cases on a store in memory, and callers of every kind."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, Unpack

import httpx
from argon2.profiles import CHEAPEST

from sealwire.access.login import LogIn
from sealwire.access.people import People
from sealwire.access.ports import User
from sealwire.access.roles import Role
from sealwire.api.app import create_app, create_clear_app
from sealwire.api.security import EXTENSION
from sealwire.api.services import Services
from sealwire.appliance.delivery import DestinationStatus, ProbeReport, ProbeStep
from sealwire.appliance.service import Appliance, Unit
from sealwire.audit.configuration import AuditConfiguration
from sealwire.audit.formats import AuditFormat
from sealwire.audit.gate import AuditGate
from sealwire.audit.recorder import Recorder
from sealwire.ca.revocation import Revocations
from sealwire.clock import SystemRandom
from sealwire.errors import NotFoundError
from tests.unit.ca.publishing import publisher
from tests.unit.ca.scene import Scene as CaScene
from tests.unit.ca.scene import founded

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator, Mapping, Sequence

    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

    from sealwire.appliance.ports import Destination
    from sealwire.audit.ports import TrailRecord

OWNER = "somebody"
ADDRESS = "192.0.2.44"
HOST = "unit.example.com"
PUBLIC_URL = "http://pki.example.com/"


class Arguments(TypedDict, total=False):
    """What a request may bring, in httpx's words."""

    json: object
    content: bytes | str | AsyncIterable[bytes]
    headers: Mapping[str, str] | Sequence[tuple[bytes, bytes]]
    params: Mapping[str, str | int]
    auth: tuple[str, str]


@dataclass
class Caller:
    """What a listener knows of one connection; plays ``sealwire.net.http.Peer``."""

    certificate: bytes | None = None
    local_user: str | None = None
    announced: set[str] = field(default_factory=set)


def certificate_of(name: str) -> bytes:
    """Stands for the user's certificate; only its hash is ever looked at."""
    return b"certificate of " + name.encode()


def person(name: str, *roles: Role, enabled: bool = True) -> User:
    """A user who logs in by certificate."""
    return User(
        name=name,
        full_name=name,
        roles=frozenset(roles),
        password_hash="",
        must_change_password=False,
        certificate_sha256=frozenset({hashlib.sha256(certificate_of(name)).hexdigest()}),
        enabled=enabled,
    )


class StillForwarder:
    """Serves no destination."""

    def __init__(self) -> None:
        self.pokes = 0

    def poke(self) -> None:
        self.pokes += 1

    def status(self) -> Sequence[DestinationStatus]:
        return ()


class GladProbe:
    """Reaches every destination."""

    def probe(self, destination: Destination) -> ProbeReport:
        return ProbeReport(
            destination.name, (ProbeStep("TCP", ok=True, milliseconds=1, detail=""),)
        )


class RememberedSetup:
    """Plays ``ca init`` where there is a CA already made: says what it was told."""

    def __call__(
        self, key_type: object, organization: str, actor: str, *, subject: str = ""
    ) -> dict[str, Any]:
        told = {"subject": subject} if subject else {}
        return {"key_type": str(key_type), "organization": organization, "actor": actor, **told}

    request = __call__

    def accept(
        self,
        files: Sequence[tuple[str, bytes]],
        roots: Sequence[tuple[str, bytes]],
        actor: str,
    ) -> dict[str, Any]:
        return {"files": [name for name, _ in files], "roots": len(roots), "actor": actor}

    def show(self) -> dict[str, Any]:
        return {"state": "ready"}

    def renew(self, actor: str) -> dict[str, Any]:
        return {"actor": actor}

    def request_renewal(self, actor: str) -> dict[str, Any]:
        return {"actor": actor}

    accept_renewal = accept


class KeptLogFiles:
    """Plays the signed log's files: two of them."""

    contents: ClassVar[Mapping[str, bytes]] = {
        "ca_audit.20260301120000": b"older\n",
        "ca_audit": b"newer\n",
    }

    def sizes(self) -> Sequence[tuple[str, int]]:
        return [(name, len(content)) for name, content in self.contents.items()]

    def chunks(self, name: str) -> Iterator[bytes]:
        if name not in self.contents:
            raise NotFoundError("audit.file_unknown", f"There is no audit log file {name!r}.")
        return iter([self.contents[name]])


class ApiScene:
    """A node's services around one CA of the CA tests, with a person of each role."""

    def __init__(self, ca: CaScene | None = None, *, with_roles: bool = True) -> None:
        self.base = ca or founded()
        self.gate = AuditGate()
        self.log_files = KeptLogFiles()
        recorder = Recorder(
            self.base.clock, "node.example.com", AuditFormat.V10_4_5, "0.1.0", gate=self.gate
        )
        self.forwarder = StillForwarder()
        self.appliance = Appliance(
            self.base.store,
            self.base.keys,
            recorder,
            self.base.clock,
            unit=Unit("unit-1", HOST),
            probe=GladProbe(),
            forwarder=self.forwarder,
            default_trust=self.base.ca.roots_pem,
        )
        self.services = Services(
            log_in=LogIn(
                self.base.store, recorder, "ca", self.base.clock, self.base.random, weight=CHEAPEST
            ),
            trails=self.base.store,
            ca=self.base.ca if with_roles else None,
            ca_setup=RememberedSetup() if with_roles else None,
            appliance=self.appliance if with_roles else None,
            sensor=None,
            revocations=Revocations(self.base.store, recorder, clock=self.base.clock)
            if with_roles
            else None,
            people=People(self.base.store, recorder, "ca", SystemRandom(), weight=CHEAPEST),
            audit=AuditConfiguration(
                self.base.store,
                recorder,
                self.log_files,
                self.gate,
                certify=lambda: None,
                certificate=lambda: "",
            ),
            status_publisher=publisher(self.base, PUBLIC_URL) if with_roles else None,
        )
        self.app = create_app(
            self.services, version="0.1.0", clock=self.base.clock, random=self.base.random
        )
        self.clear_app = create_clear_app(self.services)
        for role in Role:
            self.put(person(role.value, role))

    def put(self, user: User) -> None:
        """Store a user, or change one."""
        self.base.store.run(lambda tx: tx.put_user(user))

    def ask(
        self, method: str, path: str, caller: Caller | None = None, **arguments: Unpack[Arguments]
    ) -> httpx.Response:
        """One request over ``caller``'s connection (None: a stranger's)."""
        return ask(self.app, method, path, caller, **arguments)

    def owner(self, method: str, path: str, **arguments: Unpack[Arguments]) -> httpx.Response:
        """The same as the home's owner."""
        return self.ask(method, path, Caller(local_user=OWNER), **arguments)

    def owner_asks(self, asked: Iterable[tuple[str, str, Arguments]]) -> list[httpx.Response]:
        """Many requests of the home's owner."""
        return ask_all(self.app, asked, Caller(local_user=OWNER))

    def trail(self, name: str = "ca") -> list[TrailRecord]:
        """Every record of one trail."""
        return list(self.base.store.read(lambda tx: tx.trail_records(name, start=0, limit=10_000)))

    def texts(self, name: str = "ca") -> list[str]:
        """Their texts."""
        return [record.text for record in self.trail(name)]


def ask(
    app: FastAPI,
    method: str,
    path: str,
    caller: Caller | None = None,
    **arguments: Unpack[Arguments],
) -> httpx.Response:
    """One request to ``app``; an exception that escapes it is the answer 500."""

    (answer,) = ask_all(app, [(method, path, arguments)], caller)
    return answer


def ask_all(
    app: FastAPI, asked: Iterable[tuple[str, str, Arguments]], caller: Caller | None = None
) -> list[httpx.Response]:
    """Requests one after the other over ``caller``'s connection: method, path, and the rest.

    Quicker than one by one: event loop and threads are made once.
    """

    async def as_listener(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "extensions": {EXTENSION: caller or Caller()}}, receive, send)

    async def send() -> list[httpx.Response]:
        transport = httpx.ASGITransport(
            as_listener, raise_app_exceptions=False, client=(ADDRESS, 40_000)
        )
        async with httpx.AsyncClient(transport=transport, base_url="https://node.test") as client:
            return [await client.request(method, path, **rest) for method, path, rest in asked]

    return asyncio.run(send())


def caller_of(role: Role) -> Caller:
    """A new connection of the person who has this role and no other."""
    return Caller(certificate=certificate_of(role.value))


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, held to its shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert set(document) == {"type", "title", "status", "code", "detail", "hint", "findings"}
    assert (document["status"], document["code"]) == (status, code), document
    assert document["detail"]
    for finding in document["findings"]:
        assert set(finding) == {"code", "severity", "message", "subject"}
    return document
