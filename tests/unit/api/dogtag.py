"""A client of Dogtag's interface in this process: keeps cookies, and does what Dogtag's do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Unpack

from sealwire.access.roles import Role
from tests.unit.api.scene import ApiScene, Caller, caller_of
from tests.unit.ca.scene import csr_for

if TYPE_CHECKING:
    import httpx

    from tests.unit.api.scene import Arguments

SERVER = "CN=www.example.com,O=Example"
REST = "/ca/rest"
BASE = "com.netscape.certsrv.base."


@dataclass
class Client:
    """Somebody's connection to ``scene``, with a jar for the one cookie there is."""

    scene: ApiScene
    caller: Caller = field(default_factory=lambda: caller_of(Role.AGENT))
    cookie: str = ""

    def ask(self, method: str, path: str, **arguments: Unpack[Arguments]) -> httpx.Response:
        """One request."""
        given = dict(arguments.pop("headers", {}))
        headers = {**given, **({"Cookie": f"JSESSIONID={self.cookie}"} if self.cookie else {})}
        got = self.scene.ask(method, path, self.caller, headers=headers, **arguments)
        if "set-cookie" in got.headers:
            self.cookie = got.cookies.get("JSESSIONID") or ""
        return got

    def get(self, path: str, **arguments: Unpack[Arguments]) -> Any:  # noqa: ANN401 - JSON
        """The JSON of a GET that succeeds."""
        got = self.ask("GET", REST + path, **arguments)
        assert got.status_code == 200, got.text
        return got.json()

    def post(self, path: str, body: object, **arguments: Unpack[Arguments]) -> httpx.Response:
        """A POST of ``body`` as JSON."""
        return self.ask("POST", REST + path, content=json.dumps(body), **arguments)

    def submit(self, subject: str = SERVER, profile: str = "caServerCert", **values: str) -> Any:  # noqa: ANN401 - JSON
        """Fill in the template and hand it in; the one entry of the answer."""
        filled = {
            "cert_request_type": "pkcs10",
            "cert_request": csr_for(subject).decode(),
            **values,
        }
        form = self.get(f"/certrequests/profiles/{profile}")
        for block in form["Input"]:
            for attribute in block["Attribute"]:
                attribute["Value"] = filled.get(attribute["name"], "")
        got = self.post("/certrequests", form)
        assert got.status_code == 200, got.text
        answer = got.json()
        assert (answer["total"], len(answer["entries"])) == (1, 1)
        return answer["entries"][0]

    def review(self, number: str) -> Any:  # noqa: ANN401 - JSON
        """What an agent looks at."""
        return self.get(f"/agent/certrequests/{number}")

    def act(self, number: str, action: str, notes: str | None = None) -> httpx.Response:
        """Look, then decide."""
        seen = self.review(number)
        if notes is not None:
            seen["requestNotes"] = notes
        return self.post(f"/agent/certrequests/{number}/{action}", seen)

    def issue(self, subject: str = SERVER, profile: str = "caServerCert") -> str:
        """Submit and approve; the certificate's id."""
        number = self.submit(subject, profile)["requestID"]
        assert self.act(number, "approve").status_code == 204
        return str(self.get(f"/certrequests/{number}")["certId"])


def refused(
    got: httpx.Response, status: int, kind: str, message: str | None = None, **named: str
) -> dict[str, Any]:
    """The error of an answer, held to the shape that Dogtag's Python client needs."""
    assert got.status_code == status, got.text
    assert got.headers["content-type"] == "application/json"
    error: dict[str, Any] = got.json()
    assert set(error) == {"Attributes", "ClassName", "Code", "Message"}
    assert error["Code"] == status
    assert error["ClassName"] == (kind if "." in kind else BASE + kind)
    assert error["Message"] if message is None else error["Message"] == message
    attributes = {each["name"]: each["value"] for each in error["Attributes"]["Attribute"]}
    assert attributes == named
    return error
