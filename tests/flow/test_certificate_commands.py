"""The words of ``csr``, ``chain`` and ``cert``, run in this process on temporary files."""

from __future__ import annotations

import json
import pty
import select
import stat
import subprocess
import termios
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import typer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from typer.testing import CliRunner

from sealwire.cli.cert import cert_app
from sealwire.cli.chain import chain_app
from sealwire.cli.csr import csr_app
from sealwire.errors import ConflictError, RefusedError, SealwireError, UsageError
from sealwire.x509.csr import read_csr
from sealwire.x509.keys import key_id, key_label, load_private_key
from tests import pki
from tests.flow.commands import SEALWIRE
from tests.flow.peers import wait_until

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer()
app.add_typer(csr_app, name="csr")
app.add_typer(chain_app, name="chain")
app.add_typer(cert_app, name="cert")

FAMILY = pki.family()
AT = "2026-11-21T12:00:00Z"


def run(*words: object) -> str:
    """Output of a command that succeeds; its error is raised."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, SealwireError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def run_json(code: int, *words: object) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*(str(word) for word in words), "--json"])
    assert result.exit_code == code, result.output
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


@pytest.fixture
def bag(tmp_path: Path) -> list[Path]:
    files = {
        "root.crt": FAMILY.root.pem,
        "gw.crt": FAMILY.leaf.pem,
        "middle.der": FAMILY.middle.der,
        "issuing.pem": FAMILY.issuing.pem,
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return [tmp_path / name for name in files]


def test_csr_new_writes_key_and_request(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    shown = run(
        *("csr", "new", "--cn", "*.Example.com", "--san", "10.0.0.1", "--san", "b.example.com"),
        *("--c", "us", "--st", "TX", "--l", "Austin", "--o", "Example", "--ou", "Ops"),
        *("--key-type", "p256", "--out-dir", folder),
    )
    key_file, csr_file = folder / "_wildcard.example.com.key", folder / "_wildcard.example.com.csr"
    assert str(key_file) in shown
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert sorted(folder.iterdir()) == [csr_file, key_file]
    request = read_csr(csr_file.read_bytes())
    assert request.names == ("*.Example.com", "10.0.0.1", "b.example.com")
    key = load_private_key(key_file.read_bytes())
    assert key_id(key.public_key()) == key_id(request.public_key)


def test_csr_new_makes_rsa_2048_unless_told(tmp_path: Path) -> None:
    run("csr", "new", "--cn", "gw.example.com", "--out-dir", tmp_path)
    key = load_private_key((tmp_path / "gw.example.com.key").read_bytes())
    assert key_label(key.public_key()) == "RSA 2048"


def test_csr_new_overwrites_only_by_force(tmp_path: Path) -> None:
    words = ("csr", "new", "--cn", "gw.example.com", "--key-type", "p256", "--out-dir", tmp_path)
    run(*words)
    key = (tmp_path / "gw.example.com.key").read_bytes()
    with pytest.raises(ConflictError) as conflict:
        run(*words)
    assert conflict.value.exit_code == 2
    assert (tmp_path / "gw.example.com.key").read_bytes() == key
    run(*words, "--force")
    assert (tmp_path / "gw.example.com.key").read_bytes() != key
    assert stat.S_IMODE((tmp_path / "gw.example.com.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("cn", ["../gw", "/etc/gw", "a/b.example.com", "..", ".", "-", "a b", ""])
def test_csr_new_never_leaves_its_folder(tmp_path: Path, cn: str) -> None:
    folder = tmp_path / "out"
    with pytest.raises(RefusedError) as refused:
        run("csr", "new", "--cn", cn, "--key-type", "p256", "--out-dir", folder)
    assert refused.value.exit_code == 2
    assert not folder.exists()


def test_csr_new_says_all_faults(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        run("csr", "new", "--cn", "a b", "--c", "USA", "--o", "x" * 65, "--out-dir", tmp_path)
    assert [f.code for f in refused.value.findings] == ["name_syntax", "country", "field_too_long"]
    assert list(tmp_path.iterdir()) == []


def test_csr_new_knows_its_key_types(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as usage:
        run("csr", "new", "--cn", "gw.example.com", "--key-type", "rsa1024", "--out-dir", tmp_path)
    assert usage.value.exit_code == 1


def test_csr_show(tmp_path: Path) -> None:
    run("csr", "new", "--cn", "gw.example.com", "--key-type", "p256", "--out-dir", tmp_path)
    file = tmp_path / "gw.example.com.csr"
    assert "CN=gw.example.com" in run("csr", "show", file)
    document = run_json(0, "csr", "show", file)
    assert document["ok"] is True
    assert document["names"] == ["gw.example.com"]
    spoilt = bytearray(read_csr(file.read_bytes()).der)
    spoilt[-1] ^= 1
    file.write_bytes(bytes(spoilt))
    assert [f["code"] for f in run_json(2, "csr", "show", file)["findings"]] == ["signature_broken"]
    with pytest.raises(RefusedError) as refused:
        run("csr", "show", file)
    assert refused.value.code == "csr.invalid"


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    for words in (("csr", "show"), ("cert", "show"), ("chain", "check")):
        with pytest.raises(UsageError):
            run(*words, tmp_path / "absent")


def test_chain_build_writes_the_chain_in_order(bag: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "chain.pem"
    document = run_json(0, "chain", "build", *bag, "--at", AT, "-o", out)
    assert out.read_bytes() == FAMILY.leaf.pem + FAMILY.issuing.pem + FAMILY.middle.pem
    assert document["ok"] is True
    assert [entry["subject"] for entry in document["chain"]] == [
        "CN=gw.example.com",
        "CN=Test Issuing CA",
        "CN=Test Middle CA",
    ]
    assert {"issuer", "not_after", "sha256"} <= set(document["chain"][0])
    assert {"reordered", "root_left_out", "anchor_from_bundle"} <= {
        finding["code"] for finding in document["findings"]
    }
    assert {"code", "severity", "message", "subject"} <= set(document["findings"][0])


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ("cisco", [FAMILY.issuing, FAMILY.middle, FAMILY.root]),
        ("usm", [FAMILY.root, FAMILY.middle, FAMILY.issuing]),
    ],
)
def test_chain_build_in_the_vendors_orders(
    bag: list[Path], tmp_path: Path, order: str, wanted: list[pki.Issued]
) -> None:
    out = tmp_path / "chain.pem"
    text = run("chain", "build", *bag, "--at", AT, "--order", order, "-o", out)
    assert out.read_bytes() == b"".join(one.pem for one in wanted)
    assert text.startswith(f"1. CN={wanted[0].certificate.subject.rfc4514_string()[3:]}")


def test_chain_build_refuses_and_writes_nothing(bag: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "chain.pem"
    out.write_bytes(b"before")
    document = run_json(
        *(2, "chain", "build", *bag, "--at", AT),
        *("--host", "other.example.com", "--purpose", "client", "-o", out),
    )
    assert document["ok"] is False
    assert document["chain"] == []
    assert {f["code"] for f in document["findings"] if f["severity"] == "error"} == {
        "eku_mismatch",
        "name_mismatch",
    }
    with pytest.raises(RefusedError) as refused:
        run("chain", "build", *bag[1:], "--at", AT, "-o", out)
    assert refused.value.code == "chain.invalid"
    assert out.read_bytes() == b"before"


def test_chain_build_with_leaf_key_and_roots(bag: list[Path], tmp_path: Path) -> None:
    out, key = tmp_path / "chain.pem", tmp_path / "gw.key"
    key.write_bytes(FAMILY.leaf.key_pem)
    run(
        *("chain", "build", *bag[1:], "--at", AT, "--leaf", bag[1], "--key", key),
        *("--roots", bag[0], "--host", "gw.example.com", "--max-depth", "2", "-o", out),
    )
    assert out.exists()
    key.write_bytes(pki.issue(pki.Recipe("other")).key_pem)
    found = run_json(2, "chain", "build", *bag, "--at", AT, "--key", key, "-o", out)
    assert found["findings"][0]["code"] == "key_mismatch"
    document = run_json(2, "chain", "build", *bag, "--at", AT, "--roots", "mozilla", "-o", out)
    assert [f["code"] for f in document["findings"] if f["severity"] == "error"] == [
        "root_untrusted"
    ]


@pytest.mark.parametrize(
    "words",
    [("--order", "alphabetical"), ("--purpose", "both"), ("--at", "tomorrow")],
)
def test_words_that_are_not_known(bag: list[Path], tmp_path: Path, words: tuple[str, str]) -> None:
    with pytest.raises(UsageError):
        run("chain", "build", *bag, *words, "-o", tmp_path / "x")


def test_chain_check(bag: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "chain.pem"
    run("chain", "build", *bag, "--at", AT, "-o", out)
    assert "in order" in run("chain", "check", out, "--host", "gw.example.com", "--at", AT)
    wrong = tmp_path / "wrong.pem"
    wrong.write_bytes(FAMILY.issuing.pem + FAMILY.leaf.pem)
    document = run_json(2, "chain", "check", wrong, "--at", AT)
    assert "order_wrong" in [finding["code"] for finding in document["findings"]]


def test_cert_show(bag: list[Path]) -> None:
    document = run_json(0, "cert", "show", *bag)
    assert [entry["subject"] for entry in document["certificates"]] == [
        "CN=Test Root",
        "CN=gw.example.com",
        "CN=Test Middle CA",
        "CN=Test Issuing CA",
    ]
    assert document["certificates"][1]["names"] == ["gw.example.com"]
    assert document["certificates"][1]["extended_key_usage"] == ["serverAuth"]
    assert "sha-256:" in run("cert", "show", bag[1])
    bag[0].write_bytes(b"nothing")
    with pytest.raises(RefusedError):
        run("cert", "show", bag[0])


def test_chain_build_says_what_became_of_every_file(bag: list[Path], tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(pki.issue(pki.Recipe("Stranger Root", ca=True)).pem + FAMILY.leaf.pem)
    words = ("chain", "build", *bag, stranger, "--at", AT, "-o", tmp_path / "out.pem")
    document = run_json(0, *words)
    uses = [(one["file"], one["use"]) for one in document["certificates"]]
    assert uses == [
        ("root.crt", "left_out"),
        ("gw.crt", "used"),
        ("middle.der", "used"),
        ("issuing.pem", "used"),
        ("stranger.pem", "stranger"),
        ("stranger.pem block 2", "duplicate"),
    ]
    assert document["alternates"] == []
    assert document["purpose"] == "server"


def test_chain_build_lists_alternates_and_what_it_passed_over(
    bag: list[Path], tmp_path: Path
) -> None:
    other = pki.issue(pki.variant(pki.ROOT, name="Other Root"))
    expired = pki.variant(pki.MIDDLE, starts=timedelta(days=-900), lasts=timedelta(days=800))
    crossed = tmp_path / "crossed.pem"
    crossed.write_bytes(
        other.pem
        + pki.issue(pki.MIDDLE, other, FAMILY.middle.key).pem
        + pki.issue(expired, FAMILY.root, FAMILY.middle.key).pem
    )
    words = ("chain", "build", *bag, crossed, "--at", AT, "-o", tmp_path / "out.pem")
    document = run_json(0, *words)
    ends = {document["path"][-1]["subject"]}
    ends |= {path["chain"][-1]["subject"] for path in document["alternates"]}
    assert ends == {"CN=Test Root", "CN=Other Root"}
    (refused,) = document["refused"]
    assert "expired" in refused["reason"]
    assert "path_skipped" in [finding["code"] for finding in document["findings"]]
    assert "also valid by way of" in run(*words)


def test_a_crowd_of_strangers_is_one_line_for_people(bag: list[Path], tmp_path: Path) -> None:
    crowd = tmp_path / "crowd.pem"
    crowd.write_bytes(
        b"".join(
            pki.issue(pki.Recipe(f"Stranger {n}", ca=True), own=pki.key("s")).pem for n in range(9)
        )
    )
    words = ("chain", "build", *bag, crowd, "--at", AT, "-o", tmp_path / "out.pem")
    assert "9 certificates are not part of the chain" in run(*words)
    strangers = [f for f in run_json(0, *words)["findings"] if f["code"] == "stranger"]
    assert len(strangers) == 9


def test_strict_refuses_what_else_is_a_warning(bag: list[Path], tmp_path: Path) -> None:
    bare = pki.family(pki.variant(pki.LEAF, identifiers=False))
    file = tmp_path / "bare.pem"
    file.write_bytes(b"".join(one.pem for one in bare.all))
    words = ("chain", "build", file, "--at", AT, "-o", tmp_path / "out.pem")
    warned = run_json(0, *words)["findings"]
    assert "strict_profile" in [f["code"] for f in warned if f["severity"] == "warning"]
    assert run_json(2, *words, "--strict")["ok"] is False
    assert run_json(0, "chain", "build", *bag, "--at", AT, "-o", tmp_path / "o", "--strict")["ok"]
    assert run_json(0, "chain", "check", tmp_path / "o", "--at", AT, "--strict")["ok"]


def test_csr_new_shows_the_openssl_commands_and_makes_nothing(tmp_path: Path) -> None:
    words = ("csr", "new", "--cn", "gw.example.com", "--out-dir", tmp_path / "new", "--openssl")
    shown = run(*words)
    assert "openssl genpkey" in shown
    assert "/CN=gw.example.com" in shown
    assert not (tmp_path / "new").exists()


def test_csr_show_says_what_a_file_is_that_holds_no_request(tmp_path: Path) -> None:
    for content, word in (
        (b"Dear customer, thank you", "There is no certificate request"),
        (FAMILY.leaf.pem, "it holds CERTIFICATE"),
        (FAMILY.leaf.der, "it is a certificate"),
        (FAMILY.leaf.key_pem, "it holds PRIVATE KEY"),
        (b"0" * 300_000, "larger than"),
        (
            b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----",
            "damaged",
        ),
    ):
        (tmp_path / "x").write_bytes(content)
        document = run_json(2, "csr", "show", tmp_path / "x")
        (finding,) = document["findings"]
        assert finding["code"] == "csr_unreadable"
        assert word in finding["message"]


def locked_bag(folder: Path) -> Path:
    file = folder / "identity.p12"
    file.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"gw",
            FAMILY.leaf.key,
            FAMILY.leaf.certificate,
            [one.certificate for one in FAMILY.all[1:]],
            serialization.BestAvailableEncryption(b"sesame"),
        )
    )
    return file


def test_a_password_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"sesame\r\n")
    words = ("chain", "build", locked_bag(tmp_path), "--at", AT, "-o", tmp_path / "out.pem")
    assert run_json(2, *words)["findings"][-1]["code"] == "password_needed"
    assert run_json(0, *words, "--password-file", tmp_path / "password")["ok"]


def _is_hidden(terminal: int) -> bool:
    return not termios.tcgetattr(terminal)[3] & termios.ECHO


def at_terminal(command: list[str], typed: bytes) -> tuple[int, bytes]:
    """Run a command whose terminal is a pseudo-terminal, and type into it."""
    controller, terminal = pty.openpty()
    with open(terminal, "r+b", buffering=0) as end:  # noqa: PTH123 - a descriptor
        process = subprocess.Popen(
            command, stdin=end, stdout=subprocess.PIPE, stderr=end, start_new_session=True
        )
    seen = b""
    with open(controller, "r+b", buffering=0) as keyboard, process:  # noqa: PTH123 - same
        # What is typed before the echo is turned off is thrown away with it, as for people.
        wait_until(lambda: _is_hidden(controller) or process.poll() is not None, "a question", 20)
        while select.select([keyboard], [], [], 0)[0]:
            seen += keyboard.read(1000)
        assert b"Password" in seen
        keyboard.write(typed)
        stopwatch = threading.Timer(20, process.kill)
        stopwatch.start()
        assert process.stdout is not None
        shown = process.stdout.read()
        stopwatch.cancel()
        return process.wait(20), seen + shown


def test_a_password_is_asked_for_at_a_terminal_only(tmp_path: Path) -> None:
    words = ["chain", "build", str(locked_bag(tmp_path)), "--at", AT]
    command = [*SEALWIRE, *words, "-o", str(tmp_path / "out.pem")]
    code, seen = at_terminal(command, b"sesame\n")
    assert code == 0
    assert b"sesame" not in seen
    assert b"Written" in seen
    (tmp_path / "out.pem").unlink()
    blind = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False
    )
    assert blind.returncode == 2
    assert not (tmp_path / "out.pem").exists()


def test_hostile_names_reach_no_terminal(tmp_path: Path) -> None:
    evil = pki.issue(pki.Recipe("a\x1b[31m\u202eb\nc", hosts=("gw.example.com",)))
    (tmp_path / "evil.crt").write_bytes(evil.pem)
    for words in (
        ("cert", "show", tmp_path / "evil.crt"),
        ("chain", "build", tmp_path / "evil.crt", "--at", AT, "-o", tmp_path / "out"),
    ):
        shown = run(*words)
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "\nc" not in shown


def test_a_bag_without_certificate_is_told_what_it_is(tmp_path: Path) -> None:
    run("csr", "new", "--cn", "a.example.com", "--key-type", "p256", "--out-dir", tmp_path)
    own = [tmp_path / f"a.example.com.{ending}" for ending in ("key", "csr")]
    found = run_json(2, "chain", "build", *own, "-o", tmp_path / "out.pem")["findings"]
    told = " ".join(each["message"] for each in found if each["severity"] != "info")
    assert "the CA's answer" in told
    assert "a private key" in told


def test_a_crowd_of_other_files_is_one_line_for_people(bag: list[Path], tmp_path: Path) -> None:
    others = [tmp_path / f"note{number}.txt" for number in range(40)]
    for one in others:
        one.write_text("nothing to see\n")
    words = ("chain", "build", *bag, *others, "--at", AT, "-o", tmp_path / "out.pem")
    told = run(*words)
    assert "40 files hold no certificate, key or request: note0.txt" in told
    assert "note39.txt" not in told
    found = run_json(0, *words)["findings"]
    assert sum(each["code"] == "nothing_found" for each in found) == 40


def test_the_key_may_come_in_pkcs12(bag: list[Path], tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    own = tmp_path / "own.p12"
    lock = serialization.BestAvailableEncryption(b"s3cret")
    leaf = FAMILY.leaf
    content = pkcs12.serialize_key_and_certificates(b"x", leaf.key, leaf.certificate, None, lock)
    own.write_bytes(content)
    words = ("chain", "build", *bag, "--at", AT, "-o", tmp_path / "out.pem", "--key", own)
    run(*words, "--password-file", secret)
    with pytest.raises(RefusedError, match="cannot be read"):
        run(*words)
