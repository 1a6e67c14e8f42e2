"""``pki ca-profile-*`` and ``pki ca-audit-*``, letter for letter as Dogtag prints them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.cli.fake_ca import TEMPLATE, FakeCa, Said, error, listed, say

if TYPE_CHECKING:
    from pathlib import Path

Capsys = pytest.CaptureFixture[str]
PROFILE: dict[str, Any] = {
    "id": "caServerCert",
    "classId": "caEnrollImpl",
    "name": "Manual Server Certificate Enrollment",
    "description": "For servers.",
    "enabled": True,
    "Input": TEMPLATE["Input"],
    "inputs": TEMPLATE["Input"],
    "outputs": [
        {
            "id": "o1",
            "name": "Certificate Output",
            "classId": "certOutputImpl",
            "attributes": [
                {
                    "name": "pretty_cert",
                    "Descriptor": {"Syntax": "pretty_print", "Description": "Certificate"},
                }
            ],
        }
    ],
    "policySets": {"serverCertSet": []},
}
SHOWN = (
    "  Profile ID: caServerCert\n"
    "  Name: Manual Server Certificate Enrollment\n"
    "  Description: For servers.\n"
    "\n"
    "  Input Name: Certificate Request Input\n"
    "  Input Class: certReqInputImpl\n"
    "\n"
    "    Attribute Name: cert_request_type\n"
    "    Attribute Description: Certificate Request Type\n"
    "    Attribute Syntax: cert_request_type\n"
    "\n"
    "    Attribute Name: cert_request\n"
    "    Attribute Description: Certificate Request\n"
    "    Attribute Syntax: cert_request\n"
    "\n"
    "  Input Name: Requestor Information\n"
    "  Input Class: submitterInfoInputImpl\n"
    "\n"
    "    Attribute Name: requestor_name\n"
    "    Attribute Description: null\n"
    "    Attribute Syntax: null\n"
    "\n"
    "  Output Name: Certificate Output\n"
    "  Output Class: certOutputImpl\n"
    "\n"
    "    Attribute Name: pretty_cert\n"
    "    Attribute Description: Certificate\n"
    "    Attribute Syntax: pretty_print\n"
)
ONE = ("GET", "profiles/caServerCert")
RAW = b"profileId=caServerCert\nname=x\x1b[2J\n"


def box(text: str) -> str:
    rule = "-" * len(text)
    return f"{rule}\n{text}\n{rule}\n"


def test_find(capsys: Capsys) -> None:
    entries = [
        {"profileId": "a", "profileName": "A", "profileDescription": "About a.", "profileURL": "x"},
        {"profileId": "b", "profileName": "B\x1b", "profileDescription": None},
    ]
    ca = FakeCa({("GET", "profiles"): listed(*entries)})
    words = ("--start", "1", "--size", "2", "--visible", "TRUE", "--enable", "no")
    said = say(ca, capsys, "ca-profile-find", *words, "--enableBy", "admin")
    assert said == Said(
        0,
        "-----------------\n"
        "2 entries matched\n"
        "-----------------\n"
        "  Profile ID: a\n"
        "  Name: A\n"
        "  Description: About a.\n"
        "\n"
        "  Profile ID: b\n"
        "  Name: B\\u001b\n"
        "  Description: null\n"
        "----------------------------\n"
        "Number of entries returned 2\n"
        "----------------------------\n",
    )
    assert ca.parameters("profiles") == {
        "start": "1",
        "size": "2",
        "visible": "true",
        "enable": "false",
        "enableBy": "admin",
    }
    said = say(ca, capsys, "ca-profile-find", "--json")
    assert json.loads(said.out)["total"] == 2


def test_show(capsys: Capsys, tmp_path: Path) -> None:
    ca = FakeCa({ONE: PROFILE, ("GET", "profiles/caServerCert/raw"): RAW})
    said = say(ca, capsys, "ca-profile-show", "caServerCert")
    assert said == Said(0, box('Profile "caServerCert"') + SHOWN)
    file = tmp_path / "profile"
    saved = box(f"Saved profile caServerCert to {file}")
    assert say(ca, capsys, "ca-profile-show", "caServerCert", "--output", str(file)).out == saved
    assert json.loads(file.read_text()) == PROFILE
    said = say(ca, capsys, "ca-profile-show", "caServerCert", "--raw")
    assert said.out == "profileId=caServerCert\nname=x\\u001b[2J\n"
    said = say(ca, capsys, "ca-profile-show", "caServerCert", "--raw", "--output", str(file))
    assert (said.out, file.read_bytes()) == (saved, RAW)


def test_an_unknown_profile(capsys: Capsys) -> None:
    refusal = error(404, "ProfileNotFoundException", "Profile ID x not found", "profile")
    for name, path in (("x", "profiles/x"), ("../users", "profiles/../users")):
        said = say(FakeCa({("GET", path): refusal}), capsys, "ca-profile-show", name)
        assert said == Said(255, "", "ProfileNotFoundException: Profile ID x not found\n")
    ca = FakeCa({("GET", "profiles/../users"): refusal})
    say(ca, capsys, "ca-profile-show", "../users")
    assert ca.asked[0].url.raw_path == b"/ca/rest/profiles/..%2Fusers"


@pytest.mark.parametrize(("word", "done"), [("enable", "Enabled"), ("disable", "Disabled")])
def test_switch(capsys: Capsys, word: str, done: str) -> None:
    ca = FakeCa({("POST", "profiles/caServerCert"): None}, logs_in=True)
    said = say(ca, capsys, f"ca-profile-{word}", "caServerCert")
    assert said == Said(0, box(f'{done} profile "caServerCert"'))
    assert ca.parameters("profiles/caServerCert") == {"action": word}
    assert ca.sent[0] == ("GET", "account/login")


def test_add_change_and_remove(capsys: Capsys, tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    file.write_text(json.dumps(PROFILE))
    ca = FakeCa({("POST", "profiles"): PROFILE, ("PUT", ONE[1]): PROFILE, ("DELETE", ONE[1]): None})
    said = say(ca, capsys, "ca-profile-add", str(file))
    assert said == Said(0, box("Added profile caServerCert") + SHOWN)
    assert ca.body("POST", "profiles") == PROFILE
    said = say(ca, capsys, "ca-profile-mod", str(file))
    assert said == Said(0, box("Modified profile caServerCert") + SHOWN)
    assert ca.body("PUT", ONE[1]) == PROFILE
    said = say(ca, capsys, "ca-profile-del", "caServerCert")
    assert said == Said(0, box('Deleted profile "caServerCert"'))


def test_raw_profiles(capsys: Capsys, tmp_path: Path) -> None:
    file = tmp_path / "profile.cfg"
    file.write_bytes(RAW)
    ca = FakeCa({("POST", "profiles/raw"): RAW, ("PUT", "profiles/caServerCert/raw"): RAW})
    text = "profileId=caServerCert\nname=x\\u001b[2J\n"
    said = say(ca, capsys, "ca-profile-add", "--raw", str(file))
    assert said.out == text + box("Added profile caServerCert")
    said = say(ca, capsys, "ca-profile-mod", "--raw", str(file))
    assert said.out == text + box("Modified profile caServerCert")
    assert [request.content for request in ca.asked] == [RAW, RAW]


@pytest.mark.parametrize(
    ("content", "words", "says"),
    [
        ("{", [], "holds no profile in JSON"),
        ("{}", [], "does not say the profile's id"),
        ("name=x\n", ["--raw"], "Missing profileId property in profile data."),
    ],
)
def test_a_file_that_is_no_profile(
    capsys: Capsys, tmp_path: Path, content: str, words: list[str], says: str
) -> None:
    file = tmp_path / "profile"
    file.write_text(content)
    for word in ("ca-profile-add", "ca-profile-mod"):
        ca = FakeCa({})
        said = say(ca, capsys, word, str(file), *words)
        assert (said.code, ca.sent) == (255, [])
        assert says in said.err


# The audit log

CONFIGURATION = {
    "Status": "Enabled",
    "Signed": False,
    "Interval": 5,
    "bufferSize": 512,
    "Events": {"ACCESS_SESSION_ESTABLISH": "enabled", "AUTH\x1b": "mandatory"},
}
CONFIGURATION_SHOWN = (
    "  Status: Enabled\n"
    "  Signed: false\n"
    "  Interval (seconds): 5\n"
    "  Buffer size (bytes): 512\n"
    "  Events:\n"
    "    ACCESS_SESSION_ESTABLISH: enabled\n"
    "    AUTH\\u001b: mandatory\n"
)


def test_audit_show(capsys: Capsys, tmp_path: Path) -> None:
    ca = FakeCa({("GET", "audit"): CONFIGURATION})
    said = say(ca, capsys, "ca-audit-show")
    assert said == Said(0, box("Audit configuration") + CONFIGURATION_SHOWN)
    file = tmp_path / "audit.json"
    said = say(ca, capsys, "ca-audit-show", "--output", str(file))
    assert said.out == box(f"Stored audit configuration into {file}")
    assert json.loads(file.read_text()) == CONFIGURATION
    old = {"status": "Disabled", "signed": True, "Events": {"Event": [{"name": "A", "value": "b"}]}}
    said = say(FakeCa({("GET", "audit"): old}), capsys, "ca-audit-show")
    assert said.out.endswith("  Status: Disabled\n  Signed: true\n  Events:\n    A: b\n")


def test_audit_mod(capsys: Capsys, tmp_path: Path) -> None:
    file, kept = tmp_path / "audit.json", tmp_path / "kept.json"
    file.write_text(json.dumps(CONFIGURATION))
    ca = FakeCa({("PATCH", "audit"): CONFIGURATION, ("POST", "audit"): CONFIGURATION})
    done = box("Modified audit configuration")
    said = say(ca, capsys, "ca-audit-mod", "--input", str(file))
    assert said == Said(0, done + CONFIGURATION_SHOWN)
    assert ca.body("PATCH", "audit") == CONFIGURATION
    said = say(ca, capsys, "ca-audit-mod", "--action", "enable", "--output", str(kept))
    assert said == Said(0, done)
    assert ca.parameters("audit") == {"action": "enable"}
    assert json.loads(kept.read_text()) == CONFIGURATION
    for words, says in (
        ([], "Missing action or input file."),
        (["--action", "enable", "--input", "x"], "Action and input file are mutually exclusive."),
        (["--input", "/proc/self/status"], "/proc/self/status holds no audit configuration"),
    ):
        said = say(FakeCa({}), capsys, "ca-audit-mod", *words)
        assert said.code == 255
        assert says in said.err


def test_audit_files(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = listed({"name": "ca_audit", "size": 1234}, {"name": "ca_audit.1", "size": 5})
    path = ("GET", "audit/files/ca_audit")
    ca = FakeCa({("GET", "audit/files"): files, path: b"0.main - [x]\n"})
    assert say(ca, capsys, "ca-audit-file-find").out == (
        "-----------------\n2 entries matched\n-----------------\n"
        "  File name: ca_audit\n"
        "  Size: 1234\n"
        "\n"
        "  File name: ca_audit.1\n"
        "  Size: 5\n"
        "----------------------------\nNumber of entries returned 2\n----------------------------\n"
    )
    monkeypatch.chdir(tmp_path)
    assert say(ca, capsys, "ca-audit-file-retrieve", "ca_audit") == Said(0, "")
    assert (tmp_path / "ca_audit").read_bytes() == b"0.main - [x]\n"
    words = ("ca-audit-file-retrieve", "ca_audit", "--output", "other")
    assert say(ca, capsys, *words) == Said(0, "")
    assert (tmp_path / "other").read_bytes() == b"0.main - [x]\n"


@pytest.mark.parametrize("name", ["../ca_audit", "/etc/passwd", "..", "a/b"])
def test_no_audit_file_lands_elsewhere(capsys: Capsys, name: str) -> None:
    ca = FakeCa({})
    said = say(ca, capsys, "ca-audit-file-retrieve", name)
    assert (said.code, ca.sent) == (255, [])
    assert "not a file's name" in said.err
