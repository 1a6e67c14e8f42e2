"""``pki ca-cert-*``, letter for letter as Dogtag prints them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.cli.pki_output import java_date
from tests.unit.cli.fake_ca import (
    CERTIFICATE,
    COMPLETE,
    PEM,
    REVOKED,
    FakeCa,
    Said,
    error,
    listed,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Capsys = pytest.CaptureFixture[str]
SEARCH = ("POST", "certs/search")
SEEN = ("GET", "certs/0x9")
REVIEWED = ("GET", "agent/certs/0x9")
INFO = {
    "id": "0x9",
    "SubjectDN": "CN=www.example.com",
    "IssuerDN": "CN=CA Signing Certificate,O=EXAMPLE",
    "Status": "VALID",
    "Type": "X.509",
    "Version": 2,
    "KeyAlgorithmOID": "1.2.840.113549.1.1.1",
    "KeyLength": 2048,
    "NotValidBefore": 1763546400000,
    "NotValidAfter": 1795082400000,
    "IssuedOn": 1763546400000,
    "IssuedBy": "caadmin",
}
BLOCK = (
    "  Serial Number: 9\n"
    "  Subject DN: CN=www.example.com\n"
    "  Issuer DN: CN=CA Signing Certificate,O=EXAMPLE\n"
    "  Status: VALID\n"
    "  Not Valid Before: Wed Nov 19 10:00:00 UTC 2025\n"
    "  Not Valid After: Thu Nov 19 10:00:00 UTC 2026\n"
)
REVOKED_BLOCK = BLOCK.replace("VALID", "REVOKED") + (
    "  Revoked On: Wed Nov 19 10:00:00 UTC 2025\n  Revoked By: caadmin\n"
)
REVOCATION = {**COMPLETE, "requestType": "revocation"}


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_find(capsys: Capsys) -> None:
    ec = {
        **INFO,
        "id": "0xff",
        "Status": "REVOKED",
        "KeyAlgorithmOID": "1.2.840.10045.2.1",
        "KeyLength": None,
        "RevokedOn": 1763546400000,
        "RevokedBy": "caadmin",
    }
    ca = FakeCa({SEARCH: listed(INFO, ec)}, audit_format="11.4")
    assert say(ca, capsys, "ca-cert-find") == Said(
        0,
        "---------------\n"
        "2 entries found\n"
        "---------------\n"
        "  Serial Number: 0x9\n"
        "  Subject DN: CN=www.example.com\n"
        "  Issuer DN: CN=CA Signing Certificate,O=EXAMPLE\n"
        "  Status: VALID\n"
        "  Type: X.509 version 3\n"
        "  Key Algorithm: PKCS #1 RSA with 2048-bit key\n"
        "  Not Valid Before: Wed Nov 19 10:00:00 UTC 2025\n"
        "  Not Valid After: Thu Nov 19 10:00:00 UTC 2026\n"
        "  Issued On: Wed Nov 19 10:00:00 UTC 2025\n"
        "  Issued By: caadmin\n"
        "\n"
        "  Serial Number: 0xff\n"
        "  Subject DN: CN=www.example.com\n"
        "  Issuer DN: CN=CA Signing Certificate,O=EXAMPLE\n"
        "  Status: REVOKED\n"
        "  Type: X.509 version 3\n"
        "  Key Algorithm: OID.1.2.840.10045.2.1\n"
        "  Not Valid Before: Wed Nov 19 10:00:00 UTC 2025\n"
        "  Not Valid After: Thu Nov 19 10:00:00 UTC 2026\n"
        "  Issued On: Wed Nov 19 10:00:00 UTC 2025\n"
        "  Issued By: caadmin\n"
        "  Revoked On: Wed Nov 19 10:00:00 UTC 2025\n"
        "  Revoked By: caadmin\n"
        "----------------------------\n"
        "Number of entries returned 2\n"
        "----------------------------\n",
    )
    assert ca.body(*SEARCH) == {"serialNumberRangeInUse": True}


def test_find_nothing_and_an_unknown_total(capsys: Capsys) -> None:
    said = say(FakeCa({SEARCH: listed()}), capsys, "ca-cert-find")
    assert said.out == "---------------\n0 entries found\n---------------\n"
    said = say(FakeCa({SEARCH: {"entries": []}}), capsys, "ca-cert-find")
    rule = "-" * 28
    assert said.out == f"{rule}\nNumber of entries returned 0\n{rule}\n"


@pytest.mark.parametrize(
    ("words", "search"),
    [
        (
            ["--minSerialNumber", "5", "--maxSerialNumber", "0xff"],
            {"serialFrom": "0x5", "serialTo": "0xff", "serialNumberRangeInUse": True},
        ),
        (
            ["--name", "www", "--uid", "u", "--org", "o", "--orgUnit", "ou", "--email", "e"],
            {
                "commonName": "www",
                "userID": "u",
                "org": "o",
                "orgUnit": "ou",
                "eMail": "e",
                "subjectInUse": True,
            },
        ),
        (
            ["--locality", "l", "--state", "s", "--country", "US", "--matchExactly"],
            {
                "locality": "l",
                "state": "s",
                "country": "US",
                "matchExactly": True,
                "subjectInUse": True,
            },
        ),
        (["--status", "VALID"], {"status": "VALID"}),
        (
            ["--revokedBy", "x", "--revokedOnFrom", "2025-11-19", "--revokedOnTo", "2025-11-20"],
            {
                "revokedBy": "x",
                "revokedByInUse": True,
                "revokedOnFrom": "1763510400000",
                "revokedOnTo": "1763596800000",
                "revokedOnInUse": True,
            },
        ),
        (
            ["--revocationReason", "key_compromise"],
            {"revocationReason": "1", "revocationReasonInUse": True},
        ),
        (
            ["--revocationReason", "10"],
            {"revocationReason": "10", "revocationReasonInUse": True},
        ),
        (
            ["--issuedBy", "x", "--issuedOnFrom", "2025-11-19", "--issuedOnTo", "2025-11-19"],
            {
                "issuedBy": "x",
                "issuedByInUse": True,
                "issuedOnFrom": "1763510400000",
                "issuedOnTo": "1763510400000",
                "issuedOnInUse": True,
            },
        ),
        (
            ["--certTypeSSLClient", "on", "--certTypeSSLServer", "off"],
            {"certTypeSSLClient": "on", "certTypeSSLServer": "off", "certTypeInUse": True},
        ),
        (
            ["--validNotBeforeFrom", "2025-11-19", "--validNotAfterTo", "2025-11-19"],
            {
                "validNotBeforeFrom": "1763510400000",
                "validNotBeforeInUse": True,
                "validNotAfterTo": "1763510400000",
                "validNotAfterInUse": True,
            },
        ),
        (
            ["--validityOperation", "<=", "--validityCount", "3"],
            {
                "validityOperation": "<=",
                "validityCount": 3,
                "validityUnit": 2592000000,
                "validityLengthInUse": True,
            },
        ),
        (
            ["--validityOperation", ">=", "--validityCount", "2", "--validityUnit", "Year"],
            {
                "validityOperation": ">=",
                "validityCount": 2,
                "validityUnit": 31536000000,
                "validityLengthInUse": True,
            },
        ),
    ],
    ids=lambda value: " ".join(value[:1]) if isinstance(value, list) else "",
)
def test_filters(capsys: Capsys, words: list[str], search: dict[str, Any]) -> None:
    ca = FakeCa({SEARCH: listed()})
    assert say(ca, capsys, "ca-cert-find", "--start", "3", "--size", "4", *words).code == 0
    assert ca.body(*SEARCH) == search
    assert ca.parameters("certs/search") == {"start": "3", "size": "4"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--status", "valid"], "Invalid status: valid"),
        (["--revokedOnFrom", "19.11.2025"], "not a date: 19.11.2025"),
        (["--minSerialNumber", "nine"], "Invalid serial number: nine"),
        (["--revocationReason", "7"], "Invalid revocation reason: 7"),
        (["--certTypeSSLCA", "on"], "Unrecognized option: --certTypeSSLCA"),
        (["--certTypeSubSSLCA", "yes"], "Invalid certificate type: yes"),
        (["--validityCount", "3"], "Missing validity duration operation"),
        (["--validityOperation", "<="], "Missing validity duration count"),
        (["--validityOperation", "=", "--validityCount", "1"], "Invalid validity duration oper"),
        (["--validityCount", "-1"], "Invalid validity duration count: -1"),
        (["--validityUnit", "age"], "Invalid validity duration unit: age"),
        (["--input", "/proc/self/status"], "/proc/self/status holds no search in JSON"),
        (["surplus"], "unexpected extra argument"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_filters_that_are_none(capsys: Capsys, words: list[str], says: str) -> None:
    ca = FakeCa({SEARCH: listed()})
    said = say(ca, capsys, "ca-cert-find", *words)
    assert (said.code, said.out, ca.sent) == (255, "", [])
    assert says in said.err


def test_a_search_from_a_file(capsys: Capsys, tmp_path: Path) -> None:
    file = tmp_path / "search.json"
    file.write_text('{"status": "REVOKED", "org": "x", "subjectInUse": true}')
    ca = FakeCa({SEARCH: listed()})
    say(ca, capsys, "ca-cert-find", "--input", str(file), "--org", "y")
    assert ca.body(*SEARCH) == {"status": "REVOKED", "org": "y", "subjectInUse": True}


def test_show(capsys: Capsys, tmp_path: Path) -> None:
    ca = FakeCa({SEEN: CERTIFICATE})
    assert say(ca, capsys, "ca-cert-show", "0x9") == Said(0, BLOCK)
    said = say(ca, capsys, "cert-show", "9", "--pretty", "--encoded")
    assert said.out == (
        f"{BLOCK}\n    Certificate: \n        Data: \n\n"
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    )
    file = tmp_path / "x.pem"
    assert say(ca, capsys, "ca-cert-show", "9", "--output", str(file)) == Said(0, BLOCK)
    assert file.read_text() == PEM.replace("\r", "")
    said = say(FakeCa({SEEN: REVOKED}), capsys, "ca-cert-show", "9")
    assert said == Said(0, REVOKED_BLOCK)


def test_export(capsys: Capsys, tmp_path: Path) -> None:
    ca = FakeCa({SEEN: CERTIFICATE})
    assert say(ca, capsys, "ca-cert-export", "9") == Said(0, PEM.replace("\r", ""))
    file = tmp_path / "x.pem"
    assert say(ca, capsys, "ca-cert-export", "9", "--output-file", str(file)) == Said(0, "")
    assert file.read_text() == PEM.replace("\r", "")
    said = say(ca, capsys, "ca-cert-export", "9", "--output-format", "xml")
    assert said == Said(255, "", "ERROR: Unsupported format: xml\n")
    said = say(ca, capsys, "ca-cert-export", "9", "--output-format", "der")
    assert said == Said(255, "", "ERROR: the server sent no certificate\n")


def changing(posted: str, answer: object = REVOCATION, after: object = REVOKED) -> FakeCa:
    reviewed = {**CERTIFICATE, "Nonce": -84437}
    return FakeCa({REVIEWED: reviewed, ("POST", f"agent/certs/0x9/{posted}"): answer, SEEN: after})


def test_revoke(capsys: Capsys) -> None:
    ca = changing("revoke")
    words = ("--reason", "key_compromise", "--comments", "lost")
    said = say(ca, capsys, "ca-cert-revoke", "9", *words, typed="y\n")
    box = '-----------------------\nRevoked certificate "9"\n-----------------------\n'
    question = f"Revoking certificate:\n{BLOCK}Are you sure (Y/N)? "
    assert said == Said(0, question + box + REVOKED_BLOCK)
    assert ca.body("POST", "agent/certs/0x9/revoke") == {
        "Reason": "Key_Compromise",
        "Comments": "lost",
        "Nonce": -84437,
    }
    ca = changing("revoke")
    assert say(ca, capsys, "ca-cert-revoke", "9", "--force") == Said(0, box + REVOKED_BLOCK)
    assert ca.body("POST", "agent/certs/0x9/revoke") == {"Reason": "Unspecified", "Nonce": -84437}
    ca = changing("revoke-ca")
    assert say(ca, capsys, "ca-cert-revoke", "9", "--force", "--ca").code == 0


@pytest.mark.parametrize(
    ("words", "doing", "done"),
    [
        (
            ["ca-cert-hold", "9"],
            "Placing certificate on-hold:\n",
            (
                "------------------------------\n"
                'Placed certificate "9" on-hold\n'
                "------------------------------\n"
            ),
        ),
        (
            ["ca-cert-revoke", "9", "--reason", "Certificate_Hold"],
            "Placing certificate on-hold:\n",
            (
                "------------------------------\n"
                'Placed certificate "9" on-hold\n'
                "------------------------------\n"
            ),
        ),
        (
            ["ca-cert-release-hold", "9"],
            "Placing certificate off-hold:\n",
            (
                "-------------------------------\n"
                'Placed certificate "9" off-hold\n'
                "-------------------------------\n"
            ),
        ),
        (
            ["ca-cert-revoke", "9", "--reason", "Remove_from_CRL"],
            "Placing certificate off-hold:\n",
            (
                "-------------------------------\n"
                'Placed certificate "9" off-hold\n'
                "-------------------------------\n"
            ),
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_hold_and_release(capsys: Capsys, words: list[str], doing: str, done: str) -> None:
    posted = "unrevoke" if words[0] == "ca-cert-release-hold" else "revoke"
    said = say(changing(posted, after=CERTIFICATE), capsys, *words, typed="Y\n")
    assert said == Said(0, f"{doing}{BLOCK}Are you sure (Y/N)? {done}{BLOCK}")
    said = say(changing(posted, after=CERTIFICATE), capsys, *words, "--force")
    assert said == Said(0, f"{done}{BLOCK}")


def test_what_nobody_wants_or_answers(capsys: Capsys) -> None:
    ca = changing("revoke")
    said = say(ca, capsys, "ca-cert-revoke", "9", typed="n\n")
    assert said == Said(0, f"Revoking certificate:\n{BLOCK}Are you sure (Y/N)? ")
    assert ca.sent == [REVIEWED]
    said = say(changing("revoke"), capsys, "ca-cert-revoke", "9")
    assert said.code == 255
    assert "Unable to revoke certificate 9: nobody answered" in said.err


def test_one_fault_does_not_keep_the_others(capsys: Capsys) -> None:
    ca = changing("revoke")
    said = say(ca, capsys, "ca-cert-revoke", "x", "0x8", "9", "--force")
    assert said.code == 255
    assert said.err == (
        "ERROR: Unable to revoke certificate x: Invalid serial number: x\n"
        "ERROR: Unable to revoke certificate 0x8: nothing at agent/certs/0x8\n"
    )
    assert 'Revoked certificate "9"\n' in said.out


def test_failure_that_the_server_reports_as_done(capsys: Capsys) -> None:
    failed = {**REVOCATION, "operationResult": "error", "errorMessage": "already\x1b revoked"}
    said = say(changing("revoke", failed), capsys, "ca-cert-revoke", "9", "--force")
    rule = "-" * 32
    text = f'already\\u001b revoked\n{rule}\nCould not revoke certificate "9"\n{rule}\n'
    assert said == Said(255, text)
    waiting = {**REVOCATION, "requestStatus": "svc_pending"}
    said = say(changing("revoke", waiting), capsys, "ca-cert-revoke", "9", "--force")
    rule = "-" * 24
    assert said == Said(0, f'{rule}\nRequest "7": svc_pending\n{rule}\n')


def test_a_reason_that_is_none(capsys: Capsys) -> None:
    ca = changing("revoke")
    said = say(ca, capsys, "ca-cert-revoke", "9", "--reason", "boredom", "--force")
    assert said.err.startswith("ERROR: Invalid revocation reason: boredom\nhint: one of Unspec")
    assert ca.sent == []


def test_a_nonce_that_is_no_longer_good(capsys: Capsys) -> None:
    refusal = error(403, "ForbiddenException", "Invalid nonce: 5")
    said = say(changing("revoke", refusal), capsys, "ca-cert-revoke", "9", "--force")
    assert said == Said(255, "", "ERROR: Unable to revoke certificate 9: Invalid nonce: 5\n")


def test_dates_are_javas_in_the_local_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "EST5EDT")
    time.tzset()
    assert java_date(1763546400999) == "Wed Nov 19 05:00:00 EST 2025"
    assert java_date(1751328000000) == "Mon Jun 30 20:00:00 EDT 2025"
    assert java_date("as it\x1b came") == "as it\\u001b came"
    assert java_date(None) == "null"
