"""A CA that answers from a table, and the words of ``sealwire pki`` said to it."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import typer.main

from sealwire.bootstrap.dogtag import DogtagClient
from sealwire.cli.pki import pki_app
from sealwire.cli.pki.connection import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from click import Command

REQUEST = {
    "requestID": "0x7",
    "requestId": "0x7",
    "requestType": "enrollment",
    "requestStatus": "pending",
    "requestURL": "https://ca.example.com:8443/ca/rest/certrequests/7",
    "certRequestType": "pkcs10",
    "operationResult": "success",
}
COMPLETE = {
    **REQUEST,
    "requestStatus": "complete",
    "certId": "0x9",
    "certURL": "https://ca.example.com:8443/ca/rest/certs/9",
}
REJECTED = {
    **REQUEST,
    "requestStatus": "rejected",
    "errorMessage": "Subject Name Not Matched UID=testuser",
}
TEMPLATE = {
    "ProfileID": "caServerCert",
    "Renewal": False,
    "SerialNumber": None,
    "RemoteHost": "",
    "RemoteAddress": "",
    "Input": [
        {
            "id": "i1",
            "ClassID": "certReqInputImpl",
            "Name": "Certificate Request Input",
            "Text": None,
            "ConfigAttribute": [],
            "Attribute": [
                {
                    "name": "cert_request_type",
                    "Value": None,
                    "Descriptor": {
                        "Syntax": "cert_request_type",
                        "Description": "Certificate Request Type",
                    },
                },
                {
                    "name": "cert_request",
                    "Value": None,
                    "Descriptor": {"Syntax": "cert_request", "Description": "Certificate Request"},
                },
            ],
        },
        {
            "id": "i2",
            "ClassID": "submitterInfoInputImpl",
            "Name": "Requestor Information",
            "ConfigAttribute": [],
            "Attribute": [{"name": "requestor_name", "Value": ""}],
        },
    ],
    "Output": [],
    "Attributes": {"Attribute": []},
}
REVIEW = {
    "nonce": "-8443717213812345678",
    "requestId": "0x7",
    "requestType": "enrollment",
    "requestStatus": "pending",
    "requestNotes": "",
    "profileName": "Manual Server Certificate Enrollment",
    "ProfileID": "caServerCert",
    "Input": [
        {
            "Name": "Certificate Request Input",
            "Attribute": [
                {"name": "cert_request_type", "Value": "pkcs10"},
                {"name": "cert_request", "Value": "\nMIIC\nAAAA\n"},
            ],
        },
        {
            "Name": "Requestor Information",
            "Attribute": [{"name": "requestor_name", "Value": ""}, {"name": "requestor_email"}],
        },
    ],
    "ProfilePolicySet": [{"policies": []}],
    "Attributes": {"Attribute": []},
}
PEM = "-----BEGIN CERTIFICATE-----\r\nMIIB\r\n-----END CERTIFICATE-----\r\n"
CERTIFICATE = {
    "id": "0x9",
    "IssuerDN": "CN=CA Signing Certificate,O=EXAMPLE",
    "SubjectDN": "CN=www.example.com",
    "PrettyPrint": "    Certificate: \n        Data: \n",
    "Encoded": PEM,
    "NotBefore": "Wed Nov 19 10:00:00 UTC 2025",
    "NotAfter": "Thu Nov 19 10:00:00 UTC 2026",
    "Status": "VALID",
}
REVOKED = {
    **CERTIFICATE,
    "Status": "REVOKED",
    "RevokedOn": 1763546400000,
    "RevokedBy": "caadmin",
    "RevocationReason": 1,
}


def error(status: int, name: str, message: str, package: str = "base") -> httpx.Response:
    """An error as Dogtag answers it."""
    return httpx.Response(
        status,
        json={
            "Attributes": {"Attribute": []},
            "ClassName": f"com.netscape.certsrv.{package}.{name}",
            "Code": status,
            "Message": message,
        },
    )


def listed(*entries: object, total: int | None = None) -> dict[str, Any]:
    """A page of a listing."""
    return {"total": len(entries) if total is None else total, "entries": list(entries)}


class Turns:
    """Several answers to one question."""

    def __init__(self, *answers: Any) -> None:  # noqa: ANN401 - JSON
        self._left = list(answers)

    def next(self) -> Any:  # noqa: ANN401 - JSON
        """The next one."""
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


@dataclass
class FakeCa:
    """Answers by method and path below ``/ca/rest/``; notes what it was asked.

    ``Turns`` are given one after the other, the last one for good.
    """

    answers: Mapping[tuple[str, str], Any]
    folder: Path = Path()
    audit_format: str = "10.4.5"
    logs_in: bool = False
    asked: list[httpx.Request] = field(default_factory=list)

    @contextmanager
    def session(self) -> Iterator[DogtagClient]:
        """As the command's own connection."""
        transport = httpx.MockTransport(self._answer)
        with httpx.Client(transport=transport, base_url="https://ca.example.com:8443") as http:
            client = DogtagClient(http)
            with opened(client, log_in=self.logs_in):
                yield client

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/pki/rest/info":
            named = [{"name": "audit_format", "value": self.audit_format}]
            return httpx.Response(200, json={"Version": "x", "Attributes": {"Attribute": named}})
        self.asked.append(request)
        path = request.url.path.removeprefix("/ca/rest/")
        if path.startswith("account/"):
            return httpx.Response(200, json={}) if path.endswith("login") else httpx.Response(204)
        if (request.method, path) not in self.answers:
            return error(404, "ResourceNotFoundException", f"nothing at {path}")
        answer = self.answers[request.method, path]
        return _response(answer.next() if isinstance(answer, Turns) else answer)

    @property
    def sent(self) -> list[tuple[str, str]]:
        """Method and path of what it was asked, in order."""
        return [(r.method, r.url.path.removeprefix("/ca/rest/")) for r in self.asked]

    def body(self, method: str, path: str) -> Any:  # noqa: ANN401 - JSON
        """The JSON that was sent there last."""
        for request in reversed(self.asked):
            if (request.method, request.url.path.removeprefix("/ca/rest/")) == (method, path):
                return json.loads(request.content)
        raise AssertionError(f"{method} {path} was not asked: {self.sent}")

    def parameters(self, path: str) -> dict[str, str]:
        """The query that was sent there last."""
        for request in reversed(self.asked):
            if request.url.path == f"/ca/rest/{path}":
                return dict(request.url.params)
        raise AssertionError(f"{path} was not asked: {self.sent}")


def _response(answer: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    match answer:
        case httpx.Response():
            return answer
        case bytes():
            return httpx.Response(200, content=answer)
        case None:
            return httpx.Response(204)
    return httpx.Response(200, json=answer)


PKI: Command = typer.main.get_command(pki_app)


@dataclass(frozen=True)
class Said:
    """Exit code, and what came on stdout and stderr."""

    code: int
    out: str
    err: str = ""


def say(
    ca: FakeCa, capsys: pytest.CaptureFixture[str], *words: str, typed: str | None = None
) -> Said:
    """``sealwire pki WORDS`` with ``typed`` on stdin."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", StringIO(typed or ""))
        code = PKI.main(list(words), prog_name="pki", standalone_mode=False, obj=ca)
    said = capsys.readouterr()
    return Said(code if isinstance(code, int) else 0, said.out, said.err)
