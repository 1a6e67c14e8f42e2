"""``chain build --fetch-missing`` against a real web server, good and bad."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from sealwire.clock import SystemClock
from sealwire.errors import RefusedError, UnavailableError
from sealwire.net.issuers import HttpIssuers
from tests import pki
from tests.flow.commands import run
from tests.flow.peers import LOOPBACK
from tests.pki import issue, variant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHIFT = {"starts": SystemClock().now() - pki.NOW - timedelta(days=10)}
ROOT = issue(variant(pki.ROOT, **SHIFT))


class CaServer(BaseHTTPRequestHandler):
    """Gives ``/root.crt``, misbehaves elsewhere."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("location", "/root.crt")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            if self.path == "/endless":
                for _ in range(64):
                    self.wfile.write(b"\0" * 65536)
            elif self.path == "/slow":
                for _ in range(40):
                    self.wfile.write(b".")
                    threading.Event().wait(0.05)
            else:
                self.wfile.write(ROOT.der)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """Its address, and the paths asked for."""
    asked: list[str] = []
    handler = type("Handler", (CaServer,), {"asked": asked})
    with ThreadingHTTPServer((LOOPBACK, 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{http.server_port}", asked
        finally:
            http.shutdown()
            thread.join()


def bag(folder: Path, address: str) -> Path:
    issuing = issue(variant(pki.ISSUING, aia=address, **SHIFT), ROOT)
    leaf = issue(variant(pki.LEAF, **SHIFT), issuing)
    file = folder / "bag.pem"
    file.write_bytes(issuing.pem + leaf.pem)
    return file


def test_the_issuer_is_fetched_only_when_asked(
    server: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, asked = server
    words = ("chain", "build", str(bag(tmp_path, f"{address}/root.crt")), "--json")
    out = tmp_path / "chain.pem"
    plain = run(tmp_path, *words, "-o", str(out))
    assert plain.returncode == 2
    (missing,) = [f for f in json.loads(plain.stdout)["findings"] if f["code"] == "issuer_missing"]
    assert f"{address}/root.crt" in missing["message"]
    assert asked == []
    assert not out.exists()
    fetching = run(tmp_path, *words, "--fetch-missing", "-o", str(out))
    assert fetching.returncode == 0, fetching.stdout
    assert asked == ["/root.crt"]
    assert "issuer_fetched" in {f["code"] for f in json.loads(fetching.stdout)["findings"]}
    assert out.read_bytes().count(b"BEGIN CERTIFICATE") == 2


def test_a_redirect_is_not_followed(server: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = server
    words = ("chain", "build", str(bag(tmp_path, f"{address}/moved")), "--fetch-missing", "--json")
    done = run(tmp_path, *words, "-o", str(tmp_path / "chain.pem"))
    assert done.returncode == 2
    assert asked == ["/moved"]
    (failed,) = [f for f in json.loads(done.stdout)["findings"] if f["code"] == "fetch_failed"]
    assert "302" in failed["message"]


def test_size_and_time_are_limited(server: tuple[str, list[str]]) -> None:
    address, _ = server
    with pytest.raises(RefusedError) as size:
        HttpIssuers(SystemClock()).fetch(f"{address}/endless")
    assert size.value.code == "issuer.size"
    clock = SystemClock()
    began = clock.monotonic()
    with pytest.raises(UnavailableError):
        HttpIssuers(clock, seconds=0.3).fetch(f"{address}/slow")
    assert clock.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ldap://ca.example.com/cn=x", "issuer.scheme"),
        ("file:///etc/passwd", "issuer.scheme"),
        ("http://", "issuer.unreachable"),
        ("http://127.0.0.1:1/x", "issuer.unreachable"),
        ("http://[bad/", "issuer.unreachable"),
    ],
)
def test_addresses_that_lead_nowhere_are_refused(url: str, code: str) -> None:
    with pytest.raises((RefusedError, UnavailableError)) as refused:
        HttpIssuers(SystemClock()).fetch(url)
    assert refused.value.code == code
