"""The signed audit file of a real node: killed, started again, verified by us and by OpenSSL."""

from __future__ import annotations

import base64
import json
import re
import ssl
import subprocess
from http.client import HTTPSConnection
from typing import TYPE_CHECKING, Any

import pytest

from tests.flow.authority import LOOPBACK
from tests.flow.commands import run
from tests.flow.node import Node, run_alone, told
from tests.flow.peers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REASON = "not ours] [AuditEvent=AUDIT_LOG_SIGNING"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("signed") / "home") as started:
        do(started, "audit", "config", "set", "--file", "--flush-interval", "1")
        yield started


@pytest.fixture(scope="module")
def certificate(node: Node) -> Path:
    path = node.home.parent / "signer.pem"
    path.write_text(configuration(node)["certificate"])
    return path


@pytest.fixture(scope="module")
def csr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("csr")
    run_alone(
        "csr", "new", "--cn", "www.example.com", "--key-type", "p256", "--out-dir", str(folder)
    )
    return folder / "www.example.com.csr"


def do(node: Node, *words: str, expect: int = 0) -> str:
    """One command, within this process: starting one takes longer than all that it does."""
    done = run(node.home, *words)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def submission(csr: Path) -> tuple[str, ...]:
    profile = ("--profile", "caAuditServerCert")
    return ("pki", "ca-cert-request-submit", *profile, "--csr-file", str(csr))


def submitted(node: Node, csr: Path) -> str:
    return told(do(node, *submission(csr)), "Request ID")


def decide(node: Node, number: str, *words: str) -> None:
    do(node, "pki", "-n", "caadmin", "ca-cert-request-review", number, "--action", *words)


def size(node: Node) -> int:
    return max((record["idx"] + 1 for record in trail(node)), default=0)


def trail(node: Node) -> list[dict[str, str]]:
    listed = do(node, "audit", "list", "--trail", "ca", "--json")
    return [json.loads(line) for line in listed.splitlines()]


def log_files(node: Node) -> list[Path]:
    listed = json.loads(do(node, "audit", "files", "list", "--json"))
    return [node.home / "audit" / entry["name"] for entry in listed]


def configuration(node: Node) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(do(node, "audit", "config", "show", "--json"))
    return shown


def log_lines(node: Node) -> list[str]:
    return [line for file in log_files(node) for line in file.read_text().splitlines()]


def recorded(node: Node) -> list[int]:
    places = (re.match(r"0\.ca-(\d+) - \[", line) for line in log_lines(node))
    return [int(place[1]) for place in places if place is not None]


def verify(node: Node, certificate: Path, *words: str, expect: int = 0) -> str:
    files = [str(file) for file in log_files(node)]
    command = ("audit", "verify-log", *files, "--cert", str(certificate), *words)
    return do(node, *command, expect=expect)


def written(node: Node, at_least: int) -> None:
    wait_until(lambda: len(recorded(node)) >= at_least, "the signed file", 15)


def test_decisions_reach_the_file_once_and_in_order_through_a_kill(
    node: Node, certificate: Path, csr: Path
) -> None:
    approved, rejected = submitted(node, csr), submitted(node, csr)
    decide(node, approved, "approve")
    decide(node, rejected, "reject", "--reason", REASON)
    written(node, size(node))
    node.kill()
    node.start()
    decide(node, submitted(node, csr), "cancel")
    node.kill()
    node.start()
    whole = size(node)
    written(node, whole)
    assert recorded(node) == list(range(len(recorded(node))))
    shown = verify(node, certificate, "--require-size", str(whole))
    assert "Invalid signatures: 0" in shown
    texts = [line.partition("[14] [6] ")[2] for line in log_lines(node) if " [14] [6] " in line]
    events = [text for text in texts if "=AUDIT_LOG_SIGNING]" not in text]
    assert events[:whole] == [record["message"] for record in trail(node)][:whole]
    assert f"[ReqID={approved}][CertSerialNum=" in "".join(events)
    assert f"[ReqID={rejected}][InfoName=rejectReason][InfoValue=not ours%5D" in "".join(events)


def test_openssl_holds_a_signature_for_good(node: Node, certificate: Path, tmp_path: Path) -> None:
    data = b"".join(file.read_bytes() for file in log_files(node))
    lines = data.splitlines(keepends=True)
    ends = [number for number, line in enumerate(lines) if b"AUDIT_LOG_SIGNING]" in line]
    key = tmp_path / "key.pem"
    key.write_bytes(openssl("x509", "-in", str(certificate), "-noout", "-pubkey"))
    (tmp_path / "block").write_bytes(b"".join(lines[ends[-2] : ends[-1]]))
    signature = lines[ends[-1]].rpartition(b"sig: ")[2]
    (tmp_path / "signature").write_bytes(base64.b64decode(signature))
    check = ("dgst", "-sha256", "-verify", str(key), "-signature", str(tmp_path / "signature"))
    assert openssl(*check, str(tmp_path / "block")) == b"Verified OK\n"
    roots = node.home / "credentials" / "ca-roots.pem"
    chain = node.home.parent / "chain.pem"
    chain.write_text(do(node, "ca", "chain"))
    openssl("verify", "-CAfile", str(roots), "-untrusted", str(chain), str(certificate))
    text = openssl("x509", "-in", str(certificate), "-noout", "-ext", "keyUsage").decode()
    assert text.splitlines()[-1].strip() == "Digital Signature, Non Repudiation"


def openssl(*words: str) -> bytes:
    return subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=30).stdout


def test_a_changed_byte_is_not_verified(node: Node, certificate: Path, tmp_path: Path) -> None:
    [original] = log_files(node)
    data = original.read_bytes()
    copy = tmp_path / "ca_audit"
    command = ("audit", "verify-log", str(copy), "--cert", str(certificate))
    copy.write_bytes(data.replace(b"SubjectID=caadmin", b"SubjectID=baadmin", 1))
    assert "VERIFICATION FAILED" in do(node, *command, expect=2)
    copy.write_bytes(data)
    assert "Invalid signatures: 0" in do(node, *command)
    assert "ERROR: the log reaches" in do(node, *command, "--require-size", "99999", expect=2)
    copy.unlink()
    do(node, *command, expect=1)


def test_while_the_file_cannot_be_written_the_ca_does_no_work(
    node: Node, certificate: Path, csr: Path
) -> None:
    number = submitted(node, csr)
    written(node, size(node))
    current = node.home / "audit" / "ca_audit"
    aside = node.home / "aside"
    current.rename(aside)
    current.mkdir()
    # A record that comes now finds that the file is not there.
    submit_until_refused(node, csr)
    review = ("pki", "-n", "caadmin", "ca-cert-request-review", number, "--action", "approve")
    done = run(node.home, *review)
    assert done.returncode != 0
    assert "signed audit file" in done.stderr
    assert configuration(node)["failure"]
    assert told(do(node, "pki", "ca-cert-request-show", number), "Request Status") == "pending"
    current.rmdir()
    aside.rename(current)
    wait_until(lambda: not configuration(node)["failure"], "the mend", 15)
    decide(node, number, "approve")
    whole = size(node)
    written(node, whole)
    assert recorded(node) == list(range(len(recorded(node))))
    verify(node, certificate, "--require-size", str(whole))


def submit_until_refused(node: Node, csr: Path) -> None:
    for _ in range(50):
        done = run(node.home, *submission(csr))
        if done.returncode:
            assert "signed audit file" in done.stderr
            return
    pytest.fail("the CA went on working")


def test_who_came_over_tls_and_what_they_were_allowed_is_recorded(
    node: Node, tmp_path: Path
) -> None:
    before = size(node)
    for _ in range(4):
        with pytest.raises((ssl.SSLError, OSError)):
            ask(node, *stranger(tmp_path))
    assert ask(node, node.home / "credentials" / "caadmin.pem", None) == 200
    wait_until(
        lambda: any("ACCESS_SESSION_TERMINATED" in text for text in since(node, before)),
        "the end of the session",
        10,
    )
    texts = since(node, before)
    failed = [text for text in texts if "[Outcome=Failure]" in text]
    assert len(failed) == 1, "the rest of the minute is counted"
    assert f"ESTABLISH][ClientIP={LOOPBACK}][ServerIP={LOOPBACK}][SubjectID=$Unid" in failed[0]
    assert "[Info=" in failed[0]
    order = [re.match(r"\[AuditEvent=(\w+)\]", text)[1] for text in texts if text not in failed]  # type: ignore[index]
    assert sorted(order) == [
        "ACCESS_SESSION_ESTABLISH",
        "ACCESS_SESSION_TERMINATED",
        "AUTH",
        "AUTHZ",
        "ROLE_ASSUME",
    ]
    assert any("[SubjectID=UID=caadmin][Outcome=Success]" in text for text in texts)


def since(node: Node, start: int) -> list[str]:
    return [record["message"] for record in trail(node)[start:]]


def stranger(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "stranger.pem", folder / "stranger.key"
    openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-keyout", str(key), "-out", str(certificate), "-subj", "/CN=stranger", "-days", "2"),
    )
    return certificate, key


def ask(node: Node, certificate: Path, key: Path | None) -> int:
    context = ssl.create_default_context(cafile=node.home / "credentials" / "ca-roots.pem")
    context.check_hostname = False
    context.load_cert_chain(certificate, key)
    state = json.loads((node.home / "run" / "node.json").read_text())
    connection = HTTPSConnection(LOOPBACK, state["console_port"], context=context, timeout=20)
    try:
        connection.request("GET", "/api/v1/ca/requests")
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_disabled_event_is_not_recorded_and_a_decision_cannot_be_disabled(node: Node) -> None:
    do(node, "audit", "config", "set", "--event", "AUTHZ=disabled", "--filter", "AUTH=(Outcome=F*)")
    before = size(node)
    assert ask(node, node.home / "credentials" / "caadmin.pem", None) == 200
    texts = since(node, before)
    assert not any("=AUTHZ]" in text or "=AUTH]" in text for text in texts)
    assert any("=ROLE_ASSUME]" in text for text in texts)
    do(node, "audit", "config", "set", "--event", "CERT_REQUEST_PROCESSED=disabled", expect=2)
    assert "[AuditEvent=CONFIG_SIGNED_AUDIT]" in since(node, before)[-1]
    assert "[Outcome=Failure]" in since(node, before)[-1]
