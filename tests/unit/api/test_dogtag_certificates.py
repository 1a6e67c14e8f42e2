"""Dogtag's certs: look, search, revoke, hold, release."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from sealwire.access.roles import Role
from tests.unit.api.dogtag import REST, Client, refused
from tests.unit.api.scene import ApiScene, Caller, caller_of
from tests.unit.ca.scene import START

NOT_FOUND = "com.netscape.certsrv.cert.CertNotFoundException"
DER = Encoding.DER
DAY_MS = 86_400_000


@pytest.fixture
def agent() -> Client:
    return Client(ApiScene())


def ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def test_a_certificate(agent: Client) -> None:
    serial = agent.issue()
    shown = agent.get(f"/certs/{serial}")
    assert shown["id"] == serial
    assert (shown["SubjectDN"], shown["Status"]) == ("CN=www.example.com,O=Example", "VALID")
    assert shown["IssuerDN"] == "CN=Example Issuing CA,O=Example"
    assert shown["NotBefore"] == "Sun Nov 22 09:55:00 UTC 2026"
    assert "Nonce" not in shown
    assert "RevokedOn" not in shown
    assert "Subject: CN=www.example.com" in shown["PrettyPrint"]
    assert "\r\n" in shown["Encoded"]
    leaf = x509.load_pem_x509_certificate(shown["Encoded"].encode())
    chain = pkcs7.load_der_pkcs7_certificates(base64.b64decode(shown["PKCS7CertChain"]))
    assert leaf in chain
    assert len(chain) == 3
    assert agent.get(f"/certs/{int(serial, 16)}") == shown
    assert Client(agent.scene, Caller()).get(f"/certs/{serial}") == shown


def test_unknown_certificates(agent: Client) -> None:
    for spelled in ("99", "0x63"):
        got = agent.ask("GET", f"{REST}/certs/{spelled}")
        refused(got, 404, NOT_FOUND, "Certificate ID 0x63 not found", certId="99")
        for action in ("revoke", "revoke-ca", "unrevoke"):
            got = agent.post(f"/agent/certs/{spelled}/{action}", {})
            refused(got, 404, NOT_FOUND, "Certificate ID 0x63 not found", certId="99")
    for spelled in ("x", "0xg", "9" * 50, str(2**160)):
        refused(agent.ask("GET", f"{REST}/certs/{spelled}"), 400, "BadRequestException")


def revoke(agent: Client, serial: str, **body: object) -> dict[str, Any]:
    nonce = agent.get(f"/agent/certs/{serial}")["Nonce"]
    got = agent.post(f"/agent/certs/{serial}/revoke", {"Nonce": nonce, **body})
    assert got.status_code == 200, got.text
    done: dict[str, Any] = got.json()
    return done


def test_revoke(agent: Client) -> None:
    serial = agent.issue()
    done = revoke(agent, serial, Reason="Key_Compromise", Comments="lost")
    assert (done["requestType"], done["requestStatus"]) == ("revocation", "complete")
    assert (done["operationResult"], done["certId"]) == ("success", serial)
    assert "certRequestType" not in done
    shown = agent.get(f"/certs/{serial}")
    assert (shown["Status"], shown["RevokedBy"], shown["RevocationReason"]) == (
        "REVOKED",
        "agent",
        1,
    )
    assert shown["RevokedOn"] == ms(START)
    nonce = agent.get(f"/agent/certs/{serial}")["Nonce"]
    again = agent.post(f"/agent/certs/{serial}/revoke", {"Nonce": nonce})
    refused(again, 409, "ConflictingOperationException")
    failed = agent.get("/agent/certrequests", params={"requestType": "revocation"})["entries"][-1]
    assert (failed["requestStatus"], failed["operationResult"]) == ("rejected", "error")
    assert failed["errorMessage"]


def test_both_spellings_of_a_revocation(agent: Client) -> None:
    serial = agent.issue()
    nonce = agent.get(f"/agent/certs/{serial}")["Nonce"]
    body = {
        "nonce": str(nonce),
        "reason": "superseded",
        "comments": "c",
        "invalidityDate": ms(START),
    }
    assert agent.post(f"/agent/certs/{serial}/revoke", body).status_code == 200
    row = agent.scene.base.ca.certificate(int(serial, 16))
    assert (row.revocation_reason, row.invalidity) == (4, START)


def test_hold_and_release(agent: Client) -> None:
    serial = agent.issue()
    assert revoke(agent, serial, Reason="Certificate_Hold")["requestType"] == "revocation"
    assert agent.get(f"/certs/{serial}")["Status"] == "REVOKED"
    got = agent.ask("POST", f"{REST}/agent/certs/{serial}/unrevoke")
    assert (got.status_code, got.json()["requestType"]) == (200, "unrevocation")
    assert agent.get(f"/certs/{serial}")["Status"] == "VALID"
    again = agent.ask("POST", f"{REST}/agent/certs/{serial}/unrevoke")
    refused(again, 409, "ConflictingOperationException")
    revoke(agent, serial, Reason="Certificate_Hold")
    got = agent.post(f"/agent/certs/{serial}/revoke", {"Reason": "Remove_from_CRL"})
    assert got.json()["requestType"] == "unrevocation"


def test_a_revocation_needs_its_nonce(agent: Client) -> None:
    serial = agent.issue()
    other = agent.issue("CN=other.example.com")
    path = f"/agent/certs/{serial}/revoke"
    refused(agent.post(path, {}), 400, "BadRequestException", "Missing nonce.")
    gone = f"Nonce for cert-revoke {int(serial, 16)} does not exist"
    nonce = agent.get(f"/agent/certs/{other}")["Nonce"]
    refused(agent.post(path, {"Nonce": nonce}), 400, "BadRequestException", gone)
    nonce = agent.get(f"/agent/certs/{serial}")["Nonce"]
    wrong = agent.post(path, {"Nonce": nonce + 1})
    refused(wrong, 403, "ForbiddenException", f"Invalid nonce: {nonce + 1}")
    refused(agent.post(path, {"Nonce": "x"}), 400, "BadRequestException")
    refused(agent.post(path, {"Nonce": nonce, "Reason": "Boredom"}), 400, "BadRequestException")
    assert agent.post(path, {"Nonce": nonce}).status_code == 200
    refused(agent.post(path, {"Nonce": nonce}), 400, "BadRequestException", gone)


def test_the_certificate_of_a_ca_takes_its_own_word(agent: Client) -> None:
    serial = agent.issue()
    base = agent.scene.base
    # No profile makes a CA below this one: the row is made to hold one's certificate.
    issuing = x509.load_pem_x509_certificate(base.ca.chain_pem().encode())
    row = base.store._tables.certificates[int(serial, 16)]
    base.store._tables.certificates[row.serial] = replace(row, der=issuing.public_bytes(DER))
    nonce = agent.get(f"/agent/certs/{serial}")["Nonce"]
    got = agent.post(f"/agent/certs/{serial}/revoke", {"Nonce": nonce})
    refused(got, 403, "ForbiddenException")
    nonce = agent.get(f"/agent/certs/{serial}")["Nonce"]
    got = agent.post(f"/agent/certs/{serial}/revoke-ca", {"Nonce": nonce})
    assert got.status_code == 200, got.text


# --- search ---------------------------------------------------------------------------------------


@pytest.fixture
def shelf() -> tuple[Client, list[str]]:
    """A server's certificate, a user's issued a day later, another server's, revoked."""
    agent = Client(ApiScene())
    first = agent.issue("CN=www.example.com,O=Example,C=DE")
    agent.scene.base.clock.advance(timedelta(days=1))
    second = agent.issue("UID=testuser,O=Example", "caUserCert")
    third = agent.issue("CN=mail.example.com,O=Other")
    revoke(agent, third, Reason="Superseded")
    return agent, [first, second, third]


def find(agent: Client, body: dict[str, Any], **query: int) -> list[str]:
    got = agent.post("/certs/search", body, params=query)
    assert got.status_code == 200, got.text
    return [each["id"] for each in got.json()["entries"]]


def test_search_without_conditions(shelf: tuple[Client, list[str]]) -> None:
    agent, serials = shelf
    everything = agent.post("/certs/search", {"serialNumberRangeInUse": True}).json()
    assert everything["total"] == 4
    assert [each["id"] for each in everything["entries"]][1:] == serials
    entry = everything["entries"][2]
    assert (entry["Type"], entry["Version"]) == ("X.509", 2)
    assert (entry["KeyAlgorithmOID"], entry["KeyLength"]) == ("1.2.840.113549.1.1.1", 2048)
    assert entry["NotValidAfter"] - entry["NotValidBefore"] == 180 * DAY_MS
    assert (entry["IssuedOn"], entry["IssuedBy"]) == (ms(START) + DAY_MS, "agent")
    assert find(agent, {}, start=1, size=1) == serials[:1]
    assert find(agent, {}, start=9) == []
    found = agent.ask("POST", "/ca/v2/certs/search", content="{}").json()
    assert "total" not in found
    listed = agent.get("/certs", params={"status": "REVOKED"})
    assert ([each["id"] for each in listed["entries"]], listed["total"]) == (serials[2:], 1)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"subjectInUse": True, "commonName": "EXAMPLE.com"}, [0, 2]),
        ({"subjectInUse": True, "commonName": "www.example.com", "matchExactly": True}, [0]),
        ({"subjectInUse": True, "commonName": "example.com", "matchExactly": "true"}, []),
        ({"subjectInUse": True, "userID": "testuser"}, [1]),
        ({"subjectInUse": True, "country": "DE", "org": "Example"}, [0]),
        ({"commonName": "www.example.com", "issuedByInUse": True, "issuedBy": "agent"}, [0, 1, 2]),
        ({"status": "REVOKED"}, [2]),
        ({"status": "VALID", "issuedByInUse": True, "issuedBy": "agent"}, [0, 1]),
        ({"revokedByInUse": True, "revokedBy": "agent"}, [2]),
        ({"revokedByInUse": True, "revokedBy": "somebody"}, []),
        ({"revocationReasonInUse": True, "revocationReason": "1,4"}, [2]),
        ({"revocationReasonInUse": True, "revocationReason": "Superseded"}, [2]),
        ({"revocationReasonInUse": True, "revocationReason": "1"}, []),
        ({"issuedOnInUse": True, "issuedOnFrom": str(ms(START) + DAY_MS)}, [1, 2]),
        ({"revokedOnInUse": True, "revokedOnFrom": 1, "revokedOnTo": ms(START)}, []),
        ({"revokedOnInUse": True, "revokedOnTo": ms(START) + DAY_MS}, [2]),
        ({"validNotAfterInUse": True, "validNotAfterTo": ms(START) + 200 * DAY_MS}, [1]),
        ({"validNotBeforeInUse": True, "validNotBeforeFrom": ms(START)}, [1, 2]),
        (
            {
                "validityLengthInUse": True,
                "validityOperation": ">=",
                "validityCount": 1,
                "validityUnit": 365 * DAY_MS,
            },
            [0, 2],
        ),
        ({"certTypeInUse": True, "certTypeSSLServer": "on"}, [0, 2]),
        ({"certTypeInUse": True, "certTypeSSLServer": "off", "certTypeSecureEmail": "on"}, [1]),
        ({"certTypeInUse": True, "certTypeSubSSLCA": True}, []),
    ],
)
def test_search(shelf: tuple[Client, list[str]], body: dict[str, Any], found: list[int]) -> None:
    agent, serials = shelf
    first = agent.get("/certs")["entries"][0]["id"]
    assert [serial for serial in find(agent, body) if serial != first] == [
        serials[each] for each in found
    ]


def test_search_by_serial_number(shelf: tuple[Client, list[str]]) -> None:
    agent, serials = shelf
    middle = sorted(int(serial, 16) for serial in serials)[1]
    body = {"serialNumberRangeInUse": True, "serialFrom": hex(middle), "serialTo": str(middle)}
    assert find(agent, body) == [hex(middle)]


@pytest.mark.parametrize(
    "body",
    [
        {"status": "LOST"},
        {"status": ["VALID"]},
        {"serialFrom": "x"},
        {"serialFrom": {}},
        {"subjectInUse": "perhaps", "commonName": "x"},
        {"subjectInUse": True, "commonName": ["x"]},
        {"subjectInUse": True, "commonName": "x" * 2000},
        {"issuedOnInUse": True, "issuedOnFrom": "yesterday"},
        {"issuedOnInUse": True, "issuedOnFrom": True},
        {"issuedOnInUse": True, "issuedOnFrom": 10**18},
        {"revocationReasonInUse": True, "revocationReason": "77"},
        {"validityLengthInUse": True},
        {
            "validityLengthInUse": True,
            "validityOperation": "!",
            "validityCount": 1,
            "validityUnit": 1,
        },
        {
            "validityLengthInUse": True,
            "validityOperation": "<=",
            "validityCount": 10**14,
            "validityUnit": 10**14,
        },
        {"certTypeInUse": True, "certTypeSSLServer": "maybe"},
    ],
)
def test_searches_that_make_no_sense(agent: Client, body: dict[str, Any]) -> None:
    refused(agent.post("/certs/search", body), 400, "BadRequestException")


def test_a_search_may_ask_for_more_than_there_is(agent: Client) -> None:
    assert len(find(agent, {}, size=10**9)) == 1
    query = {"maxResults": "1", "maxTime": "2", "size": "0"}
    got = agent.post("/certs/search", {"unknown": [{"a": None}]}, params=query)
    assert got.json() == {"total": 1, "entries": []}


def test_a_search_may_be_bounded(agent: Client) -> None:
    serials = [*find(agent, {}), *(agent.issue() for _ in range(2))]

    def found(**params: int) -> tuple[int, list[str]]:
        got = agent.post("/certs/search", {}, params=params).json()
        return got["total"], [each["id"] for each in got["entries"]]

    assert found(maxResults=2) == (2, serials[:2])
    assert found(maxResults=2, start=1) == (2, serials[1:2])
    assert found(maxResults=2, start=2) == (2, [])
    assert found(maxResults=0) == (0, [])


def test_what_an_auditor_may_not(agent: Client) -> None:
    auditor = Client(agent.scene, caller_of(Role.AUDITOR))
    serial = agent.issue()
    got = auditor.ask("GET", f"{REST}/agent/certs/{serial}")
    text = "auditor may not do this: revoke certificate. It takes the role agent."
    refused(got, 403, "ForbiddenException", text)
    assert auditor.get(f"/certs/{serial}")["id"] == serial
