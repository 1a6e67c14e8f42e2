"""The options before the word, unknown words, and what is agreed with a server."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import nullcontext
from importlib import import_module
from typing import TYPE_CHECKING

import httpx
import pytest

from sealwire.bootstrap.dogtag import DogtagClient, DogtagError
from sealwire.cli.app import outcome
from sealwire.cli.pki.connection import (
    Connection,
    opened,
    password_in,
    token_password_in,
)
from sealwire.cli.pki.group import WORDS
from sealwire.errors import SealwireError, UnavailableError, UsageError
from tests.unit.cli.fake_ca import PKI, REQUEST, FakeCa, error, say

if TYPE_CHECKING:
    from pathlib import Path

Capsys = pytest.CaptureFixture[str]
Answer = "Callable[[httpx.Request], httpx.Response]"


def test_part_of_a_word_lists_those_that_begin_so(capsys: Capsys) -> None:
    said = say(FakeCa({}), capsys, "ca-profile")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[:2] == ["Commands:", " ca-profile-find                    Find profiles."]
    assert len(lines) == 8
    assert say(FakeCa({}), capsys, "client").out.splitlines()[1].startswith(" client-cert-request ")


@pytest.mark.parametrize("word", ["nonsense", "ca-", "ca-cert-reques", "kra-key-find"])
def test_unknown_words_list_the_known_ones(capsys: Capsys, word: str) -> None:
    said = say(FakeCa({}), capsys, word)
    assert (said.code, said.out) == (255, "")
    lines = said.err.splitlines()
    assert lines[:2] == [f'ERROR: Invalid module "{word}".', "Commands:"]
    assert len(lines) == 2 + len(PKI.commands)  # type: ignore[attr-defined]


def test_words_as_they_were_before_there_were_subsystems(capsys: Capsys) -> None:
    ca = FakeCa({("GET", "certrequests/0x7"): REQUEST})
    assert say(ca, capsys, "cert-request-show", "7") == say(ca, capsys, "ca-cert-request-show", "7")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ca-cert-request-show"], "ERROR: Missing Certificate Request ID."),
        (["ca-cert-request-approve"], "ERROR: Missing certificate request ID"),
        (["ca-cert-request-review"], "ERROR: Missing certificate request ID"),
        (["ca-cert-show"], "ERROR: Missing Serial Number."),
        (["ca-cert-revoke", "--force"], "ERROR: Missing serial numbers"),
        (["ca-cert-export"], "ERROR: Missing serial number"),
        (["ca-profile-show"], "ERROR: No Profile ID specified."),
        (["ca-profile-add"], "ERROR: No filename specified."),
        (["ca-audit-file-retrieve"], "ERROR: Missing audit file name."),
        (["client-cert-request"], "ERROR: Missing subject DN or request username."),
        (["ca-cert-find", "--nonsense"], "Unrecognized option: --nonsense"),
        (["--nonsense"], "Unrecognized option: --nonsense"),
        (["ca-cert-find", "--name"], "Missing argument for option: name"),
        (["ca-cert-request-find", "--size", "many"], "ERROR: Invalid value for '--size': 'many'"),
        (["ca-cert-request-show", "seven"], "ERROR: Invalid certificate request ID: seven"),
        (["ca-cert-request-review", "7", "--action", "bless"], "ERROR: Invalid action: bless"),
        (
            ["client-cert-request", "UID=x", "--algorithm", "dsa"],
            "ERROR: no such key: dsa nistp256",
        ),
        (["client-cert-request", "UID=x", "--length", "1024"], "ERROR: no such key: rsa 1024"),
        (["client-cert-request", "UID=x", "--type", "crmf"], "ERROR: request type crmf is not"),
        (["ca-cert-find", "--name\x1b[2J"], "Unrecognized option: --name\\u001b[2J"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_words(capsys: Capsys, words: list[str], says: str) -> None:
    ca = FakeCa({})
    said = say(ca, capsys, *words)
    assert (said.code, said.out, ca.sent) == (255, "", [])
    assert said.err.startswith(says)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-U", "http://node.test"], "ERROR: not the URL of a node: http://node.test"),
        (["-h", "node.test", "-P", "http"], "ERROR: not the URL of a node: http://node.test:8443"),
        (["-n", "../caadmin"], "ERROR: not a nickname: ../caadmin"),
        (["-n", "nobody"], "ERROR: no certificate nobody in "),
        (["-n", "a", "-u", "b"], "ERROR: The -n and -u options are mutually exclusive."),
        (["-c", "a", "-C", "b"], "ERROR: The -c and -C options are mutually exclusive."),
        (["--api", "v3"], "ERROR: Invalid API version: v1 or v2"),
        (["--ignore-cert-status", "OLD"], 'ERROR: Invalid cert status "OLD".'),
        (["--ca-cert", "/proc/self/status"], "ERROR: /proc/self/status cannot be used"),
        (["-u", "x", "-W", "/nowhere"], "ERROR: Cannot read /nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options(capsys: Capsys, tmp_path: Path, words: list[str], says: str) -> None:
    code = outcome(["pki", "--home", str(tmp_path), *words, "ca-cert-request-show", "7"])
    said = capsys.readouterr()
    assert (code, said.out) == (255, "")
    assert said.err.startswith(says)


def test_nobody_there(capsys: Capsys, tmp_path: Path) -> None:
    code = outcome(["pki", "--home", str(tmp_path), "-U", "https://localhost:1", "ca-cert-find"])
    assert code == 255
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("ERROR: no answer from https://localhost:1")
    assert said[1] == "hint: is the node running? start it with `sealwire up`"


def test_passwords_from_files(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("Secret.123\nmore\n")
    assert password_in(file) == "Secret.123"
    file.write_text("")
    assert password_in(file) == ""
    file.write_text("# tokens\nhardware-HSM=x\ninternal = Secret=1 \n")
    assert token_password_in(file) == "Secret=1"
    file.write_text("hardware-HSM=x\n")
    assert token_password_in(file) is None


def client(answers: dict[str, httpx.Response], asked: list[str], **options: str) -> DogtagClient:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return answers.get(request.url.path, httpx.Response(404, text="<html>"))

    transport = httpx.MockTransport(answer)
    return DogtagClient(httpx.Client(transport=transport, base_url="https://ca.test"), **options)


def info(**document: object) -> httpx.Response:
    return httpx.Response(200, json={"Version": "11.2.1", **document})


@pytest.mark.parametrize(
    ("answers", "options", "asked"),
    [
        ({"/pki/rest/info": info()}, {}, ["/pki/rest/info", "/ca/rest/x"]),
        ({"/pki/v2/info": info()}, {}, ["/pki/rest/info", "/pki/v2/info", "/ca/v2/x"]),
        ({}, {}, ["/pki/rest/info", "/pki/v2/info", "/ca/v2/x"]),
        ({"/pki/rest/info": info()}, {"api": "v1"}, ["/pki/rest/info", "/ca/rest/x"]),
        ({}, {"api": "v2"}, ["/pki/v2/info", "/ca/v2/x"]),
    ],
)
def test_the_version_that_the_server_has(
    answers: dict[str, httpx.Response], options: dict[str, str], asked: list[str]
) -> None:
    made: list[str] = []
    dogtag = client(answers | {asked[-1]: httpx.Response(200, json={})}, made, **options)
    dogtag.connect()
    assert dogtag.get("x") == {}
    assert made == asked


@pytest.mark.parametrize(
    ("document", "form"),
    [
        ({"Version": "11.2.1"}, "11.4"),
        ({"Version": "11.1"}, "11.4"),
        ({"Version": "11.0.6"}, "10.4.5"),
        ({"Version": "10.15.0"}, "10.4.5"),
        ({"Version": "12.0.0-alpha"}, "11.4"),
        ({"Version": ""}, "11.4"),
        ({"Attributes": {"Attribute": [{"name": "audit_format", "value": "10.4.4"}]}}, "10.4.4"),
    ],
)
def test_numbers_are_printed_as_the_server_does(document: dict[str, object], form: str) -> None:
    found = client({"/pki/rest/info": info(**document)}, []).connect()
    assert found.audit_format == form


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(200, json=[]),
        info(Attributes={"Attribute": ["x"]}),
        httpx.Response(200, json=7),
    ],
)
def test_what_is_no_ca(answer: httpx.Response) -> None:
    with pytest.raises(UnavailableError) as caught:
        client({"/pki/rest/info": answer}, []).connect()
    assert caught.value.code == "http.unexpected"


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (error(400, "BadRequestException", "x y"), "BadRequestException", "x y"),
        (httpx.Response(401, text="<html>"), "UnauthorizedException", "Unauthorized"),
        (httpx.Response(404, text=""), "ResourceNotFoundException", "Not Found"),
        (httpx.Response(503, text=""), "PKIException", "Service Unavailable"),
        (httpx.Response(500, json=["x"]), "PKIException", "Internal Server Error"),
        (httpx.Response(599, text=""), "PKIException", "599"),
        (httpx.Response(307, headers={"Location": "/x"}), "PKIException", "Temporary Redirect"),
    ],
)
def test_refusals(answer: httpx.Response, kind: str, message: str) -> None:
    dogtag = client({"/ca/v2/x": answer}, [], api="v2")
    with pytest.raises(DogtagError) as caught:
        dogtag.get("x")
    found = caught.value
    assert (found.class_name, found.message, found.status) == (kind, message, answer.status_code)


def test_a_banner(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {"/pki/rest/info": info(Banner="Authorised\x1b[2J\nonly")}
    for typed, ignore, passes in (("y\n", False, True), ("n\n", False, False), ("", True, True)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        refused = nullcontext() if passes else pytest.raises(SealwireError, match="not accepted")
        with refused, opened(client(shown, []), log_in=False, ignore_banner=ignore):
            assert passes
        said = capsys.readouterr().err
        expected = "Authorised\\u001b[2J\nonly\n\nDo you want to proceed (y/N)? "
        assert said == ("" if ignore else expected)


def test_who_logs_in_logs_out(capsys: Capsys) -> None:
    asked: list[str] = []
    answers = {
        "/pki/rest/info": info(),
        "/ca/rest/account/login": httpx.Response(200, json={}),
        "/ca/rest/account/logout": httpx.Response(204),
    }
    with opened(client(answers, asked), log_in=True):
        pass
    assert asked == list(answers)
    asked.clear()
    with pytest.raises(KeyError), opened(client(answers, asked), log_in=True):
        raise KeyError
    assert asked == list(answers)
    refused = {**answers, "/ca/rest/account/login": httpx.Response(401, text="<html>")}
    with pytest.raises(DogtagError), opened(client(refused, []), log_in=True):
        pass


def test_a_certificate_that_is_shown(tmp_path: Path) -> None:
    (tmp_path / "ann.pem").write_text("no certificate")
    found = Connection("https://localhost:1", tmp_path, nickname="ann")
    with pytest.raises(UsageError, match=r"ann\.pem cannot be used"), found.session():
        pass


def test_the_help_is_quick() -> None:
    code = "import sys, sealwire.cli.app; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    heavy = {"cryptography", "httpx", "ssl", "pydantic", "fastapi", "sqlalchemy"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize("part", sorted(set(WORDS.values())))
def test_every_word_is_where_the_group_looks_for_it(part: str) -> None:
    found = import_module(f"sealwire.cli.pki.{part}_words").WORDS
    assert set(found) == {word for word, module in WORDS.items() if module == part}
