"""``pki ca-cert-request-*``, letter for letter as Dogtag prints them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.unit.cli.fake_ca import (
    COMPLETE,
    REJECTED,
    REQUEST,
    REVIEW,
    TEMPLATE,
    FakeCa,
    Said,
    error,
    listed,
    say,
)

if TYPE_CHECKING:
    from pathlib import Path

Capsys = pytest.CaptureFixture[str]
SHOWN = ("GET", "certrequests/0x7")
REVIEWED = ("GET", "agent/certrequests/0x7")

PENDING_BLOCK = (
    "  Request ID: 7\n  Type: enrollment\n  Request Status: pending\n  Operation Result: success\n"
)
REVIEW_BLOCK = (
    "  Request ID: 7\n"
    "  Profile: Manual Server Certificate Enrollment\n"
    "  Type: enrollment\n"
    "  Status: pending\n"
    "\n"
    "  Certificate Request Input:\n"
    "    cert_request_type: pkcs10\n"
    "    cert_request: MIIC\n"
    "AAAA\n"
    "\n"
    "  Requestor Information:\n"
    "    none\n"
)


def decided(action: str, *after: object) -> FakeCa:
    return FakeCa(
        {REVIEWED: REVIEW, ("POST", f"agent/certrequests/0x7/{action}"): None, SHOWN: after[0]}
    )


def test_find(capsys: Capsys) -> None:
    ca = FakeCa({("GET", "agent/certrequests"): listed(REJECTED, COMPLETE, total=12)})
    said = say(ca, capsys, "ca-cert-request-find")
    assert said == Said(
        0,
        "------------------\n"
        "12 entries matched\n"
        "------------------\n"
        "  Request ID: 7\n"
        "  Type: enrollment\n"
        "  Request Status: rejected\n"
        "  Operation Result: success\n"
        "  Reason: Subject Name Not Matched UID=testuser\n"
        "\n"
        "  Request ID: 7\n"
        "  Type: enrollment\n"
        "  Request Status: complete\n"
        "  Operation Result: success\n"
        "  Certificate ID: 9\n"
        "----------------------------\n"
        "Number of entries returned 2\n"
        "----------------------------\n",
    )
    assert ca.parameters("agent/certrequests") == {}


def test_find_with_everything(capsys: Capsys) -> None:
    ca = FakeCa({("GET", "agent/certrequests"): listed()})
    words = ["--status", "cancelled", "--type", "enrollment", "--start", "0x10", "--size", "5"]
    said = say(ca, capsys, "ca-cert-request-find", *words, "--maxResults", "9", "--timeout", "3")
    assert said.out == "-----------------\n0 entries matched\n-----------------\n"
    assert ca.parameters("agent/certrequests") == {
        "requestState": "canceled",
        "requestType": "enrollment",
        "start": "16",
        "pageSize": "5",
        "size": "5",
        "maxResults": "9",
        "maxTime": "3",
    }
    say(ca, capsys, "ca-cert-request-find", "--status", "all", "--type", "all")
    assert ca.parameters("agent/certrequests") == {}


def test_find_as_json(capsys: Capsys) -> None:
    page = listed({**REQUEST, "x": "\x1b[2J"})
    said = say(
        FakeCa({("GET", "agent/certrequests"): page}), capsys, "ca-cert-request-find", "--json"
    )
    assert json.loads(said.out) == page
    assert "\x1b" not in said.out


def test_show_in_both_forms(capsys: Capsys) -> None:
    ca = FakeCa({SHOWN: COMPLETE}, audit_format="11.4")
    for number in ("7", "0x7", "0X7"):
        assert say(ca, capsys, "ca-cert-request-show", number) == Said(
            0,
            "-------------------------\n"
            'Certificate request "0x7"\n'
            "-------------------------\n"
            "  Request ID: 0x7\n"
            "  Type: enrollment\n"
            "  Request Status: complete\n"
            "  Operation Result: success\n"
            "  Certificate ID: 0x9\n",
        )


def test_times_that_newer_servers_give(capsys: Capsys) -> None:
    dated = {**REQUEST, "creationTime": "Wed Nov 19 10:00:00 UTC 2025", "modificationTime": "now"}
    said = say(FakeCa({SHOWN: dated}), capsys, "ca-cert-request-show", "7")
    assert said.out.endswith(
        "  Operation Result: success\n"
        "  Creation Time: Wed Nov 19 10:00:00 UTC 2025\n"
        "  Modification Time: now\n"
    )


def test_a_server_that_gives_ids_only_in_urls(capsys: Capsys) -> None:
    old = {k: v for k, v in COMPLETE.items() if k not in {"requestID", "requestId", "certId"}}
    said = say(FakeCa({SHOWN: old}), capsys, "ca-cert-request-show", "7")
    assert "  Request ID: 7\n" in said.out
    assert "  Certificate ID: 9\n" in said.out


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"requestID": "seven"},
        {"requestType": "enrollment", "requestStatus": "pending"},
        {"a": 1},
        [],
    ],
    ids=["empty", "word", "no id", "other", "list"],
)
def test_what_no_ca_answers(capsys: Capsys, answer: object) -> None:
    said = say(FakeCa({SHOWN: answer}), capsys, "ca-cert-request-show", "7")
    assert (said.code, said.out) == (255, "")
    assert said.err.startswith("ERROR: unexpected answer: not a certificate request\n")


def test_an_unknown_request(capsys: Capsys) -> None:
    refusal = error(404, "RequestNotFoundException", "Request ID 0x63 not found", "request")
    said = say(FakeCa({("GET", "certrequests/0x63"): refusal}), capsys, "cert-request-show", "99")
    assert said == Said(255, "", "RequestNotFoundException: Request ID 0x63 not found\n")


@pytest.mark.parametrize(
    ("action", "done", "status"),
    [
        ("approve", "Approved", "complete"),
        ("reject", "Rejected", "rejected"),
        ("cancel", "Canceled", "canceled"),
        ("update", "Updated", "pending"),
        ("validate", "Validated", "pending"),
        ("assign", "Assigned", "pending"),
        ("unassign", "Unassigned", "pending"),
    ],
)
@pytest.mark.parametrize("style", ["review", "word"])
def test_every_action(capsys: Capsys, action: str, done: str, status: str, style: str) -> None:
    ca = decided(action, {**REQUEST, "requestStatus": status})
    words = {
        "review": ("ca-cert-request-review", "7", "--action", action),
        "word": (f"ca-cert-request-{action}", "0x7", "--force"),
    }
    rule = "-" * len(f"{done} certificate request 7")
    assert say(ca, capsys, *words[style]) == Said(
        0,
        f"{rule}\n{done} certificate request 7\n{rule}\n"
        "  Request ID: 7\n"
        "  Type: enrollment\n"
        f"  Request Status: {status}\n"
        "  Operation Result: success\n",
    )
    posted = f"agent/certrequests/0x7/{action}"
    assert ca.sent == [REVIEWED, ("POST", posted), SHOWN]
    assert ca.body("POST", posted) == REVIEW


@pytest.mark.parametrize("action", ["reject", "cancel"])
def test_a_reason(capsys: Capsys, action: str) -> None:
    path = f"agent/certrequests/0x7/{action}"
    for words in (
        (f"ca-cert-request-{action}", "7", "--force"),
        ("ca-cert-request-review", "7", "--action", action),
    ):
        ca = decided(action, REQUEST)
        assert say(ca, capsys, *words, "--reason", "wrong department").code == 0
        assert ca.body("POST", path) == {**REVIEW, "requestNotes": "wrong department"}


def test_only_reject_and_cancel_take_a_reason(capsys: Capsys) -> None:
    ca = decided("approve", REQUEST)
    words = ("ca-cert-request-review", "7", "--action", "approve", "--reason", "fine")
    assert say(ca, capsys, *words) == Said(255, "", "ERROR: only reject and cancel take a reason\n")
    assert say(ca, capsys, "ca-cert-request-approve", "7", "--reason", "x").code == 255
    assert ca.sent == []


def test_an_action_that_asks(capsys: Capsys) -> None:
    ca = decided("approve", COMPLETE)
    said = say(ca, capsys, "ca-cert-request-approve", "7", typed="Y\n")
    assert said.code == 0
    assert said.out.startswith(REVIEW_BLOCK + "\nAre you sure (y/N)? ----------")
    assert said.out.endswith("  Certificate ID: 9\n")


@pytest.mark.parametrize("typed", ["n\n", "\n", "yes\n"])
def test_an_action_that_nobody_wants(capsys: Capsys, typed: str) -> None:
    ca = decided("approve", COMPLETE)
    said = say(ca, capsys, "ca-cert-request-approve", "7", typed=typed)
    assert said == Said(0, REVIEW_BLOCK + "\nAre you sure (y/N)? ")
    assert ca.sent == [REVIEWED]


def test_an_action_that_nobody_answers(capsys: Capsys) -> None:
    ca = decided("approve", COMPLETE)
    said = say(ca, capsys, "ca-cert-request-approve", "7")
    assert said.code == 255
    assert said.err.startswith("ERROR: nobody answered, so nothing was done\n")
    assert ca.sent == [REVIEWED]


def test_a_review_that_asks(capsys: Capsys) -> None:
    prompt = "Action (approve/reject/cancel/update/validate/assign/unassign): "
    ca = decided("reject", {**REQUEST, "requestStatus": "rejected"})
    said = say(ca, capsys, "ca-cert-request-review", "7", typed="bless\nReject\n")
    assert said.code == 0
    assert said.out.startswith(
        "-------------------------------\n"
        "Retrieved certificate request 7\n"
        "-------------------------------\n"
        f"{REVIEW_BLOCK}\n"
        f"{prompt}Invalid action: bless\n"
        f"{prompt}------------------------------\n"
        "Rejected certificate request 7\n"
    )
    ca = decided("reject", REQUEST)
    assert say(ca, capsys, "ca-cert-request-review", "7", typed="\n").out.endswith(prompt)
    assert ca.sent == [REVIEWED]


def test_a_review_kept_in_a_file_and_acted_upon(capsys: Capsys, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    said = say(
        decided("update", REQUEST),
        capsys,
        "ca-cert-request-review",
        "7",
        "--output-file",
        str(file),
    )
    assert said.out.endswith(
        f"Please review the certificate request in {file}.\n"
        "Update the file if necessary, then execute:\n"
        "\n"
        f"  $ pki ... ca-cert-request-<action> 7 --input-file {file}\n"
        "\n"
        "Available actions: approve, reject, cancel, update, validate, assign, unassign\n"
    )
    assert file.stat().st_mode & 0o777 == 0o600
    kept = json.loads(file.read_text())
    assert kept == REVIEW
    file.write_text(json.dumps({**kept, "nonce": "1", "requestNotes": "seen"}))
    ca = decided("update", REQUEST)
    assert say(ca, capsys, "ca-cert-request-update", "7", "--input-file", str(file)).code == 0
    posted = ca.body("POST", "agent/certrequests/0x7/update")
    assert posted == {**REVIEW, "requestNotes": "seen"}


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"requestId": "0x8"}', '{"requestId": []}'])
def test_a_file_of_another_request(capsys: Capsys, tmp_path: Path, text: str) -> None:
    file = tmp_path / "request.json"
    file.write_text(text)
    ca = decided("approve", REQUEST)
    said = say(ca, capsys, "ca-cert-request-approve", "7", "--input-file", str(file))
    assert (said.code, said.out) == (255, "")
    assert str(file) in said.err
    assert ca.sent == [REVIEWED]


def test_the_old_way_with_a_file(capsys: Capsys, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    ca = decided("validate", REQUEST)
    said = say(ca, capsys, "ca-cert-request-review", "7", "--file", str(file), typed="validate\n")
    assert said.code == 0
    assert f"Please review the certificate request in {file}.\n" in said.out
    assert "then select an action below.\n\nAction (approve/" in said.out
    words = ("ca-cert-request-review", "7", "--file", str(file), "--action", "approve")
    assert say(ca, capsys, *words).err == "ERROR: Action and filename are mutually exclusive\n"


def test_what_an_action_is_refused_for(capsys: Capsys) -> None:
    refusal = error(400, "BadRequestException", "Bad request data: Request Not In Pending State")
    ca = FakeCa(
        {REVIEWED: REVIEW, ("POST", "agent/certrequests/0x7/approve"): refusal}, logs_in=True
    )
    said = say(ca, capsys, "ca-cert-request-approve", "7", "--force")
    text = "BadRequestException: Bad request data: Request Not In Pending State\n"
    assert said == Said(255, "", text)
    assert ca.sent[-1] == ("GET", "account/logout")


def test_the_session_holds_the_nonce(capsys: Capsys) -> None:
    review = httpx.Response(200, json=REVIEW, headers={"Set-Cookie": "JSESSIONID=abc; Path=/ca"})
    ca = FakeCa(
        {REVIEWED: review, ("POST", "agent/certrequests/0x7/approve"): None, SHOWN: COMPLETE},
        logs_in=True,
    )
    assert say(ca, capsys, "ca-cert-request-approve", "7", "--force").code == 0
    assert ca.sent[0] == ("GET", "account/login")
    assert ca.sent[-1] == ("GET", "account/logout")
    cookies = [request.headers.get("cookie") for request in ca.asked]
    assert cookies == [None, None, *["JSESSIONID=abc"] * 3]


def test_who_is_not_logged_in(capsys: Capsys) -> None:
    page = httpx.Response(401, text="<html>Unauthorized</html>")
    said = say(FakeCa({REVIEWED: page}), capsys, "ca-cert-request-review", "7")
    assert said == Said(
        255,
        "",
        "UnauthorizedException: Unauthorized\n"
        "hint: log in with -n NICKNAME, or with -u USER and -w PASSWORD\n",
    )


def test_nothing_from_outside_moves_the_cursor(capsys: Capsys) -> None:
    nasty = "a\x1b[2J\r\n  Request Status: complete\u202e"
    review = {
        **REVIEW,
        "profileName": nasty,
        "Input": [{"Name": nasty, "Attribute": [{"name": nasty, "Value": nasty}]}],
    }
    refusal = error(400, "BadRequest\x1bException", nasty)
    for ca, words in (
        (FakeCa({SHOWN: {**REQUEST, "errorMessage": nasty}}), ["ca-cert-request-show", "7"]),
        (FakeCa({REVIEWED: review}), ["ca-cert-request-review", "7"]),
        (FakeCa({SHOWN: refusal}), ["ca-cert-request-show", "7"]),
    ):
        said = say(ca, capsys, *words, typed="\n")
        for text in (said.out, said.err):
            assert not set(text) & {"\x1b", "\r", "\u202e"}
            assert "\n  Request Status: complete\n" not in text.replace("\\u000a", "")


def test_templates(capsys: Capsys, tmp_path: Path) -> None:
    entry = {"profileId": "caServerCert", "profileName": "Name", "profileDescription": "About it."}
    folder = "certrequests/profiles"
    ca = FakeCa({("GET", folder): listed(entry), ("GET", f"{folder}/caServerCert"): TEMPLATE})
    said = say(ca, capsys, "ca-cert-request-profile-find", "--start", "2", "--size", "3")
    assert said.out == (
        "-----------------\n1 entries matched\n-----------------\n"
        "  Profile ID: caServerCert\n"
        "  Name: Name\n"
        "  Description: About it.\n"
        "----------------------------\nNumber of entries returned 1\n----------------------------\n"
    )
    assert ca.parameters(folder) == {"start": "2", "size": "3"}
    said = say(ca, capsys, "ca-cert-request-profile-show", "caServerCert")
    assert said.out == (
        "----------------------------------------------\n"
        'Enrollment Template for Profile "caServerCert"\n'
        "----------------------------------------------\n"
        "  Profile ID: caServerCert\n"
        "  Renewal: false\n"
        "\n"
        "  Name: Certificate Request Input\n"
        "  Class: certReqInputImpl\n"
        "\n"
        "    Attribute Name: cert_request_type\n"
        "    Attribute Description: Certificate Request Type\n"
        "    Attribute Syntax: cert_request_type\n"
        "\n"
        "    Attribute Name: cert_request\n"
        "    Attribute Description: Certificate Request\n"
        "    Attribute Syntax: cert_request\n"
        "\n"
        "  Name: Requestor Information\n"
        "  Class: submitterInfoInputImpl\n"
        "\n"
        "    Attribute Name: requestor_name\n"
        "    Attribute Description: null\n"
        "    Attribute Syntax: null\n"
    )
    file = tmp_path / "template.json"
    said = say(ca, capsys, "ca-cert-request-profile-show", "caServerCert", "--output", str(file))
    assert f"Saved enrollment template for caServerCert to {file}\n" in said.out
    assert json.loads(file.read_text()) == TEMPLATE
