"""The words that ask for certificates, and what they send."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_csr

from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, generate_key
from sealwire.x509.subject import parse_dn
from tests.unit.cli.fake_ca import (
    CERTIFICATE,
    COMPLETE,
    PEM,
    REJECTED,
    REQUEST,
    REVIEW,
    TEMPLATE,
    FakeCa,
    Said,
    Turns,
    error,
    listed,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Capsys = pytest.CaptureFixture[str]
TEMPLATE_OF = ("GET", "certrequests/profiles/caServerCert")
SUBMIT = ("POST", "certrequests")
SUBMITTED = (
    "-----------------------------\n"
    "Submitted certificate request\n"
    "-----------------------------\n"
    "  Request ID: 7\n"
    "  Type: enrollment\n"
    "  Request Status: pending\n"
    "  Operation Result: success\n"
)
SUBJECT_INPUT = {
    "id": "i3",
    "Name": "Subject Name",
    "Attribute": [{"name": f"sn_{part}"} for part in ("uid", "e", "cn", "ou", "o", "c", "l")]
    + [{"name": "subject"}],
    "ConfigAttribute": [],
}


def accepting(answer: object = REQUEST, template: object = TEMPLATE, **more: Any) -> FakeCa:  # noqa: ANN401
    return FakeCa({TEMPLATE_OF: template, SUBMIT: listed(answer)}, **more)


def values(request: dict[str, Any]) -> dict[str, str]:
    return {
        attribute["name"]: attribute.get("Value")
        for block in request["Input"]
        for attribute in block["Attribute"]
    }


@pytest.fixture(scope="module")
def csr() -> bytes:
    name = parse_dn("CN=www.example.com,OU=Web,O=Example,C=US")
    return build_csr(generate_key(KeyType.P256), name, ())


@pytest.fixture
def csr_file(csr: bytes, tmp_path: Path) -> Path:
    file = tmp_path / "www.csr"
    file.write_bytes(csr)
    return file


@pytest.fixture
def submit(csr_file: Path) -> tuple[str, ...]:
    words = ("ca-cert-request-submit", "--profile", "caServerCert")
    return (*words, "--csr-file", str(csr_file))


def test_submit(capsys: Capsys, csr: bytes, submit: tuple[str, ...]) -> None:
    ca = accepting()
    assert say(ca, capsys, *submit, "--requestor", "Ann") == Said(0, SUBMITTED)
    assert ca.sent == [TEMPLATE_OF, SUBMIT]
    sent = ca.body(*SUBMIT)
    assert values(sent) == {
        "cert_request_type": "pkcs10",
        "cert_request": csr.decode(),
        "requestor_name": "Ann",
    }
    assert {**sent, "Input": None} == {**TEMPLATE, "Input": None}
    assert sent["Input"][0]["Attribute"][0]["Descriptor"] is not None


def test_submit_der(capsys: Capsys, csr: bytes, csr_file: Path, submit: tuple[str, ...]) -> None:
    csr_file.write_bytes(base64.b64decode(b"".join(csr.splitlines()[1:-1])))
    for words in (submit, (*submit, "--request-format", "der")):
        ca = accepting()
        assert say(ca, capsys, *words).code == 0
        assert load_pem_x509_csr(
            values(ca.body(*SUBMIT))["cert_request"].encode()
        ).is_signature_valid


def test_a_profile_that_asks_for_the_subject_apart(capsys: Capsys, submit: tuple[str, ...]) -> None:
    template = {**TEMPLATE, "Input": [*TEMPLATE["Input"], SUBJECT_INPUT]}  # type: ignore[misc]
    ca = accepting(template=template)
    say(ca, capsys, *submit)
    filled = values(ca.body(*SUBMIT))
    assert {name: value for name, value in filled.items() if name.startswith("s") and value} == {
        "sn_cn": "www.example.com",
        "sn_ou": "Web",
        "sn_o": "Example",
        "sn_c": "US",
        "subject": "CN=www.example.com,OU=Web,O=Example,C=US",
    }
    say(ca, capsys, *submit, "--subject", "UID=ann,E=ann@example.com,L=Austin")
    filled = values(ca.body(*SUBMIT))
    assert {name: value for name, value in filled.items() if name.startswith("s") and value} == {
        "sn_uid": "ann",
        "sn_e": "ann@example.com",
        "sn_l": "Austin",
        "subject": "UID=ann,E=ann@example.com,L=Austin",
    }


def test_renewal_and_everything_else(
    capsys: Capsys, submit: tuple[str, ...], tmp_path: Path
) -> None:
    secret = tmp_path / "pwd"
    secret.write_text("  Secret.123 \n")
    extra = {"Name": "SAN", "Attribute": [{"name": f"req_san_pattern_{i}"} for i in range(2)]}
    renewed = {"Name": "Serial", "Attribute": [{"name": "serial_num"}]}
    template = {**TEMPLATE, "Input": [*TEMPLATE["Input"], extra, renewed]}  # type: ignore[misc]
    ca = accepting(template=template)
    words = ["--renewal", "--serial", "9", "--dns-names", "a.example.com, b.example.com"]
    words += ["--username", "ann", "--password-file", str(secret), "--issuer-id", "host"]
    assert say(ca, capsys, *submit, *words).code == 0
    sent = ca.body(*SUBMIT)
    filled = values(sent)
    assert (sent["Renewal"], sent["SerialNumber"], filled["serial_num"]) == (True, "0x9", "0x9")
    assert filled["req_san_pattern_0"] == "a.example.com"
    assert filled["req_san_pattern_1"] == "b.example.com"
    assert sent["Attributes"]["Attribute"] == [
        {"name": "uid", "value": "ann"},
        {"name": "pwd", "value": "Secret.123"},
    ]
    assert ca.parameters("certrequests") == {"issuer-id": "host"}


def test_a_filled_in_template(capsys: Capsys, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(TEMPLATE))
    ca = accepting()
    assert say(ca, capsys, "ca-cert-request-submit", str(file)) == Said(0, SUBMITTED)
    assert ca.sent == [SUBMIT]
    assert ca.body(*SUBMIT) == TEMPLATE


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Missing request file or profile ID."),
        (["{file}", "--profile", "x"], "Request file and profile ID are mutually exclusive."),
        (["/proc/self/status"], "/proc/self/status holds no request in JSON"),
        (
            ["--profile", "x", "--csr-file", "/proc/self/status"],
            "There is no certificate request",
        ),
        (["--profile", "x", "--csr-file", "/nowhere"], "/nowhere"),
        (["--profile", "x", "--request-type", "crmf"], "request type crmf is not supported"),
        (["--profile", "x", "--serial", "x"], "Invalid serial number: x"),
        (["--profile", "x", "--subject", "nonsense"], "distinguished name cannot be read"),
        (["--profile", "x", "--issuer-id", "a", "--issuer-dn", "b"], "are mutually exclusive"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_words(capsys: Capsys, csr_file: Path, words: list[str], says: str) -> None:
    ca = accepting()
    given = [str(csr_file) if word == "{file}" else word for word in words]
    said = say(ca, capsys, "ca-cert-request-submit", *given)
    assert (said.code, said.out, ca.sent) == (255, "", [])
    assert said.err.startswith("ERROR: ")
    assert says in said.err


def test_names_that_have_no_place(capsys: Capsys, submit: tuple[str, ...]) -> None:
    ca = accepting()
    said = say(ca, capsys, *submit, "--dns-names", "a.example.com")
    assert said.err.startswith("ERROR: the profile takes no DNS names\nhint: put the names into")
    assert ca.sent == [TEMPLATE_OF]


def test_an_unknown_profile(capsys: Capsys, submit: tuple[str, ...]) -> None:
    ca = accepting(template=error(400, "BadRequestException", "Bad request data: Profile x"))
    assert say(ca, capsys, *submit).err == "BadRequestException: Bad request data: Profile x\n"


@pytest.mark.parametrize("template", [[], {"Input": 7}, {"Input": [{"Name": "x"}]}])
def test_a_template_that_is_none(capsys: Capsys, submit: tuple[str, ...], template: object) -> None:
    said = say(accepting(template=template), capsys, *submit)
    assert said.err.startswith("ERROR: unexpected answer: not an enrollment template")


def test_a_key_of_our_own(capsys: Capsys, tmp_path: Path) -> None:
    ca = accepting(folder=tmp_path / "credentials")
    words = ("client-cert-request", "UID=ann,O=Example", "--profile", "caServerCert")
    said = say(ca, capsys, *words, "--algorithm", "ec", "--curve", "nistp384")
    assert said == Said(0, SUBMITTED)
    files = list(ca.folder.iterdir())
    assert files == [ca.folder / "request-7.key"]
    assert files[0].stat().st_mode & 0o777 == 0o600
    key: Any = load_pem_private_key(files[0].read_bytes(), None)
    sent = load_pem_x509_csr(values(ca.body(*SUBMIT))["cert_request"].encode())
    assert sent.public_key() == key.public_key()
    assert key.curve.name == "secp384r1"
    assert sent.subject.rfc4514_string() == "UID=ann,O=Example"


def test_rejected_by_the_profile_at_once(capsys: Capsys, tmp_path: Path) -> None:
    ca = accepting(REJECTED, folder=tmp_path)
    words = ("client-cert-request", "UID=testuser", "--profile", "caServerCert")
    assert say(ca, capsys, *words, "--algorithm", "ec") == Said(
        0,
        "-----------------------------\n"
        "Submitted certificate request\n"
        "-----------------------------\n"
        "  Request ID: 7\n"
        "  Type: enrollment\n"
        "  Request Status: rejected\n"
        "  Operation Result: success\n"
        "  Reason: Subject Name Not Matched UID=testuser\n",
    )


def test_no_key_without_a_request(capsys: Capsys, tmp_path: Path) -> None:
    refused = error(409, "ConflictingOperationException", "CA not ready")
    ca = FakeCa({TEMPLATE_OF: TEMPLATE, SUBMIT: refused}, folder=tmp_path)
    words = ("client-cert-request", "UID=x", "--profile", "caServerCert", "--algorithm", "ec")
    assert say(ca, capsys, *words) == Said(255, "", "ConflictingOperationException: CA not ready\n")
    assert list(tmp_path.iterdir()) == []
    ca = FakeCa({TEMPLATE_OF: TEMPLATE, SUBMIT: listed()}, folder=tmp_path)
    assert say(ca, capsys, *words).err == "ERROR: Unable to submit certificate request\n"
    assert list(tmp_path.iterdir()) == []


def issuing(*, made: object = REQUEST, after: object = COMPLETE) -> FakeCa:
    return FakeCa(
        {
            TEMPLATE_OF: TEMPLATE,
            SUBMIT: listed(made),
            ("GET", "agent/certrequests/0x7"): REVIEW,
            ("POST", "agent/certrequests/0x7/approve"): None,
            ("GET", "certrequests/0x7"): Turns(after),
            ("GET", "certs/0x9"): CERTIFICATE,
        },
        logs_in=True,
    )


@pytest.fixture
def issue(csr_file: Path) -> tuple[str, ...]:
    return ("ca-cert-issue", "--profile", "caServerCert", "--csr-file", str(csr_file))


def test_issue(capsys: Capsys, issue: tuple[str, ...], tmp_path: Path) -> None:
    ca = issuing()
    assert say(ca, capsys, *issue) == Said(0, PEM.replace("\r", ""))
    assert ca.body("POST", "agent/certrequests/0x7/approve") == REVIEW
    file = tmp_path / "www.pem"
    assert say(issuing(made=COMPLETE), capsys, *issue, "--output-file", str(file)) == Said(0, "")
    assert file.read_text() == PEM.replace("\r", "")


def test_issue_from_a_file(capsys: Capsys, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(TEMPLATE))
    ca = issuing()
    assert say(ca, capsys, "ca-cert-issue", "--input-file", str(file)).code == 0
    assert TEMPLATE_OF not in ca.sent


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: issuing(
                made={
                    **REJECTED,
                    "errorMessage": "Subject Name Not Unique CN=server.example.com",
                }
            ),
            "ERROR: Request rejected: Subject Name Not Unique CN=server.example.com\n",
        ),
        (
            lambda: issuing(after={**REQUEST, "requestStatus": "pending"}),
            "ERROR: Request pending\n",
        ),
    ],
    ids=["rejected", "pending"],
)
def test_not_issued(
    capsys: Capsys, issue: tuple[str, ...], make: Callable[[], FakeCa], says: str
) -> None:
    assert say(make(), capsys, *issue) == Said(255, "", says)


def test_a_format_that_nobody_knows(capsys: Capsys, issue: tuple[str, ...]) -> None:
    ca = issuing()
    said = say(ca, capsys, *issue, "--output-format", "P12")
    assert said == Said(255, "", "ERROR: Unsupported format: P12\n")
    assert ca.sent == []
