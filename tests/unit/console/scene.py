"""The console in this process, and browsers of everybody."""

from __future__ import annotations

import asyncio
import re
from contextlib import nullcontext
from dataclasses import dataclass, field
from html import unescape
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
from cryptography import x509

from sealwire.access.roles import Role
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.clock import SystemRandom
from sealwire.console.app import Console
from sealwire.console.guards import SESSION_COOKIE, STRANGER_COOKIE, TOKEN_FIELD
from sealwire.console.services import ConsoleServices
from sealwire.errors import UnavailableError
from sealwire.identity.checkup import Checkup
from sealwire.identity.expiry import Watched
from sealwire.identity.expiry_watch import ExpiryWatch
from sealwire.identity.peer_lists import PeerLists
from sealwire.identity.revocation import Side
from tests.unit.access.scene import somebody
from tests.unit.api.scene import ADDRESS, ApiScene, Caller, certificate_of, person
from tests.unit.ca.scene import csr_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import Receive, Scope, Send

    from sealwire.errors import SealwireError
    from sealwire.identity.checkup import CheckStep
    from sealwire.identity.examination import Question
    from sealwire.x509.keys import KeyType

    Blobs = Sequence[tuple[str, bytes]]

HERE = "https://node.test"
OURS = {"Origin": HERE, "Sec-Fetch-Site": "same-origin"}
SAFE_CSR = csr_for("CN=www.example.com,O=Example").decode()


@dataclass
class Browser:
    """Keeps cookies; sends ``Origin`` along with forms, as browsers do."""

    console: Console
    certificate: bytes | None = None
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> httpx.Response:
        return self.send("GET", path)

    def post(
        self, path: str, fields: Mapping[str, str] | None = None, *, page: str | None = None
    ) -> httpx.Response:
        """Send a form, with the token of ``page`` (default: home, or the log-in)."""
        token = self.token(page or "/password" if SESSION_COOKIE in self.cookies else "/login")
        return self.form(path, {TOKEN_FIELD: token, **(fields or {})})

    def form(
        self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send exactly these fields, with exactly these headers (default: a browser's)."""
        return self.pairs(path, list(fields.items()), headers)

    def pairs(
        self,
        path: str,
        fields: Sequence[tuple[str, str]],
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The same for fields that may come more than once."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        sent = {**kind, **(OURS if headers is None else headers)}
        return self.send("POST", path, content=urlencode(fields), headers=sent)

    def token(self, page: str) -> str:
        found = re.search(rf'name="{TOKEN_FIELD}" value="([^"]*)"', self.get(page).text)
        return unescape(found[1]) if found else ""

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        response = asyncio.run(self._send(method, path, **arguments))
        for header in response.headers.get_list("set-cookie"):
            name, _, value = header.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
            if not self.cookies[name]:
                del self.cookies[name]
        return response

    async def _send(
        self,
        method: str,
        path: str,
        content: str | bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        async def as_listener(scope: Scope, receive: Receive, send: Send) -> None:
            peer = Caller(certificate=self.certificate)
            await self.console({**scope, "extensions": {"sealwire.peer": peer}}, receive, send)

        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        transport = httpx.ASGITransport(as_listener, client=(ADDRESS, 40_000))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.request(
                method, path, content=content, headers={"Cookie": cookie, **(headers or {})}
            )


@dataclass
class PlayedSetup:
    """Plays the making and the renewal of the CA: remembers what it was told."""

    state: str = "ready"
    csr: str = SAFE_CSR
    waiting: list[str] = field(default_factory=list)
    findings: list[dict[str, str]] = field(default_factory=list)
    told: list[tuple[object, ...]] = field(default_factory=list)

    def request(
        self, key_type: KeyType, organization: str, actor: str, *, subject: str = ""
    ) -> dict[str, Any]:
        self.told.append(("request", key_type, organization, actor, subject))
        self.waiting.append(subject)
        self.state = "waiting"
        return {}

    def accept(self, files: Blobs, roots: Blobs, actor: str) -> dict[str, Any]:
        self.told.append(("accept", tuple(files), tuple(roots), actor))
        self.state, self.waiting = "ready", []
        return {
            "issuing_subject": "CN=Issuing CA,O=<b>Example</b>",
            "agent": "caadmin",
            "password": "one-time-words",
            "findings": self.findings,
        }

    def show(self) -> dict[str, Any]:
        waiting = [
            {
                "subject": subject,
                "key_id": f"key{number}",
                "key_type": "p256",
                "created": "2026-11-22T10:00:00Z",
                "csr": self.csr,
            }
            for number, subject in enumerate(self.waiting)
        ]
        places = {
            "issuing": {"key_place": "token <b>slot</b>"},
            "root": {"key_place": None},
        }
        own = places if self.state == "ready" else {}
        return {"state": self.state, "waiting": waiting, **own}

    def renew(self, actor: str) -> dict[str, Any]:
        self.told.append(("renew", actor))
        return {"findings": []}

    def request_renewal(self, actor: str) -> dict[str, Any]:
        self.told.append(("request_renewal", actor))
        return {"csr": self.csr}

    def accept_renewal(self, files: Blobs, roots: Blobs, actor: str) -> dict[str, Any]:
        self.told.append(("accept_renewal", tuple(files), tuple(roots), actor))
        return {"findings": self.findings}


class PlayedDoctor:
    """Finds what ``steps`` say; remembers what it was asked."""

    def __init__(self) -> None:
        self.steps: tuple[CheckStep, ...] = ()
        self.asked: list[Question] = []

    def __call__(self, question: Question) -> Checkup:
        self.asked.append(question)
        return Checkup(question.host, question.port, self.steps)


class Web:
    """Holds revocation lists by address; what it does not hold is unreachable."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}

    def __call__(self, locations: Sequence[str]) -> Sequence[bytes | SealwireError]:
        gone = UnavailableError("crl.unreachable", "nobody <b>answers</b>")
        return [self.pages.get(location, gone) for location in locations]


class ConsoleScene:
    """A node with CA and appliance, and somebody of each role."""

    def __init__(self) -> None:
        self.setup, self.doctor, self.web = PlayedSetup(), PlayedDoctor(), Web()
        self.node = ApiScene()
        services, clock = self.node.services, self.node.base.clock
        chain = x509.load_pem_x509_certificates(self.node.base.ca.chain_pem().encode())
        self.in_use = [Watched("ca", chain)]
        self.services = ConsoleServices(
            log_in=services.log_in,
            people=services.people,
            trails=services.trails,
            audit=services.audit,
            ca=services.ca,
            appliance=services.appliance,
            sensor=None,
            sensor_name="unit-1",
            host_name="unit.example.com",
            version="0.1.0",
            clock=self.node.base.clock,
            random=SystemRandom(),
            ca_setup=self.setup,
            revocations=services.revocations,
            status_publisher=services.status_publisher,
            peer_lists={side.value: self._lists(side) for side in Side},
            doctor=self.doctor,
            expiry=ExpiryWatch(
                self.node.base.store,
                Recorder(clock, "unit.example.com", AuditFormat.V10_4_5, "0.1.0"),
                clock,
                trail="ca",
                in_use=lambda: self.in_use,
            ),
        )
        self.console = Console(self.services)
        self._people = count()

    def _lists(self, side: Side) -> PeerLists:
        clock = self.node.base.clock
        return PeerLists(
            self.node.base.store,
            Recorder(clock, "unit.example.com", AuditFormat.V10_4_5, "0.1.0"),
            clock,
            side=side,
            fetch=self.web,
            turn=nullcontext(),
        )

    def stranger(self) -> Browser:
        return Browser(self.console)

    def browser(self, *roles: Role) -> Browser:
        """Logged in by certificate as somebody who has these roles and no other."""
        name = f"{'-'.join(roles) or 'nobody'}.{next(self._people)}"
        self.node.put(person(name, *roles))
        certificate = certificate_of(name)
        begun = self.services.log_in.begin_with_certificate(certificate, address=ADDRESS)
        return Browser(self.console, certificate, {SESSION_COOKIE: begun.token})

    def newcomer(self) -> Browser:
        """Logged in with a one-time password."""
        self.node.put(somebody("newcomer", *Role, must_change=True))
        browser = self.stranger()
        browser.post("/login", {"user": "newcomer", "password": "correct horse battery"})
        return browser

    def commits(self) -> int:
        return int(self.node.base.store.commits)


__all__ = ["SESSION_COOKIE", "STRANGER_COOKIE", "TOKEN_FIELD", "Browser", "ConsoleScene"]
