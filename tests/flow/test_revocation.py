"""Revocation lists against real connections: who is refused, when it takes effect, how it fails."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.bootstrap.client import home_client
from sealwire.clock import SystemClock
from sealwire.errors import SealwireError, UnavailableError
from sealwire.net.crl_fetch import CrlFetch
from tests.flow.authority import LOOPBACK, TlsFiles
from tests.flow.broken_servers import Hierarchy
from tests.flow.node import Node
from tests.flow.peers import octet_counted, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.pki import Issued

LINE = b"<14>1 - - - - - hello"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    return Hierarchy(tmp_path_factory.mktemp("ours"))


@contextmanager
def web_server(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """An address that ``answer`` serves."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def page(content: bytes, status: int = 200, **headers: str) -> Callable[..., None]:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


# -- fetching --------------------------------------------------------------------------------------


def refused(fetch: CrlFetch, location: str) -> SealwireError:
    with pytest.raises(SealwireError) as caught:
        fetch.content(location)
    (answer,) = fetch([location])
    assert isinstance(answer, SealwireError)
    assert answer.code == caught.value.code
    return caught.value


def test_a_list_is_fetched_by_url_or_path_within_bounds(tmp_path: Path) -> None:
    fetch = CrlFetch(SystemClock(), most=1000, seconds=2)
    with web_server(page(b"x" * 1000)) as url:
        assert fetch([f"{url}/a.crl"] * 20) == [b"x" * 1000] * 20
    file = tmp_path / "a.crl"
    file.write_bytes(b"y" * 1000)
    assert fetch([str(file), str(tmp_path / "absent")])[0] == b"y" * 1000
    file.write_bytes(b"y" * 1001)
    assert refused(fetch, str(file)).code == "crl.size"
    with web_server(page(b"x" * 1001)) as url:
        assert refused(fetch, url).code == "crl.size"


def test_no_redirect_no_error_page_no_link_local_address(tmp_path: Path) -> None:
    fetch = CrlFetch(SystemClock(), most=1000, seconds=2)
    with web_server(page(b"", 302, Location=f"http://{LOOPBACK}:1/")) as url:
        moved = refused(fetch, url)
        assert "answers 302" in moved.message
    with web_server(page(b"not here", 404)) as url:
        assert isinstance(refused(fetch, url), UnavailableError)
    assert refused(fetch, "http://169.254.169.254/latest").code == "crl.address"
    assert refused(fetch, "http://[fe80::1]/a.crl").code == "crl.address"
    assert isinstance(refused(fetch, f"http://{LOOPBACK}:1/a.crl"), UnavailableError)
    assert isinstance(refused(fetch, str(tmp_path / "absent")), UnavailableError)
    assert isinstance(refused(fetch, str(tmp_path)), UnavailableError)
    assert isinstance(refused(fetch, "http://does-not-exist.invalid/a"), UnavailableError)


def test_a_server_that_drips_is_cut_off() -> None:
    def drip(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        gone = threading.Event()
        for _ in range(40):
            try:
                request.wfile.write(b"x")
            except OSError:
                return
            gone.wait(0.1)

    with web_server(drip) as url:
        begun = SystemClock().monotonic()
        assert "within 0.5 s" in refused(CrlFetch(SystemClock(), 1000, 0.5), url).message
        assert SystemClock().monotonic() - begun < 4


# -- a node ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(ours: Hierarchy) -> Issued:
    return ours.leaf()


@pytest.fixture(scope="module")
def node(
    tmp_path_factory: pytest.TempPathFactory, ours: Hierarchy, served: Issued
) -> Iterator[Node]:
    options = ("--roles", "appliance,sensor")
    with Node(tmp_path_factory.mktemp("node") / "home", options=options) as running:
        running.serve_with(files_of(ours, served))
        yield running


def files_of(ours: Hierarchy, one: Issued) -> TlsFiles:
    name = f"{one.certificate.serial_number:x}"
    own = ours.folder / f"{name}.key"
    own.write_bytes(one.key_pem)
    chain = ours.folder / f"{name}.pem"
    chain.write_bytes(one.pem + ours.issuing.pem + ours.middle.pem)
    return TlsFiles(ours.roots, chain, own)


def gets_through(node: Node, files: TlsFiles) -> bool:
    """Whether the sensor keeps this sender's connection after its message."""
    context = ssl.create_default_context(cafile=files.ca)
    context.load_cert_chain(files.certificate, files.key)
    try:
        with (
            socket.create_connection((LOOPBACK, node.target.port), 5) as connection,
            context.wrap_socket(connection, server_hostname="localhost") as wrapped,
        ):
            wrapped.sendall(octet_counted([LINE]))
            wrapped.settimeout(0.3)
            return bool(wrapped.recv(1))
    except TimeoutError:
        return True
    except OSError:
        return False


def call(node: Node, method: str, path: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
    """The node's API as its owner: quicker than a command each time."""
    with home_client(node.home) as client:
        return client.call(method, f"/api/v1/{path}", **arguments)


SENSOR, APPLIANCE = "trust/crls/sensor", "trust/crls/appliance"


def test_a_revoked_sender_is_refused_and_the_others_are_not(
    node: Node, ours: Hierarchy, tmp_path: Path
) -> None:
    good, bad = ours.client(), ours.client()
    good_files, bad_files = files_of(ours, good), files_of(ours, bad)
    assert gets_through(node, bad_files)
    file = tmp_path / "issuing.crl"
    file.write_bytes(ours.revoking())
    (added,) = node.json("sensor", "crl", "add", str(file))
    assert (added["issuer"], added["entries"]) == ("CN=Test Issuing CA", 0)
    assert gets_through(node, bad_files)
    # The CA revokes; the list is loaded again on demand, and new connections see it.
    file.write_bytes(ours.revoking(bad))
    (refreshed,) = node.json("sensor", "crl", "refresh", "issuing.crl")
    assert (refreshed["entries"], refreshed["last_error"]) == (1, "")
    wait_until(lambda: not gets_through(node, bad_files), "the refusal", 10)

    def reasons() -> str:
        return json.dumps(call(node, "GET", "sensor/stats"))

    wait_until(lambda: "client_certificate_revoked" in reasons(), "the reason", 10)
    assert "is revoked since" in reasons()
    assert gets_through(node, good_files)
    node.run("sensor", "crl", "remove", "issuing.crl")
    wait_until(lambda: gets_through(node, bad_files), "the pardon", 10)
    assert node.json("sensor", "crl", "list") == []


def test_a_list_that_cannot_be_had_is_told_and_the_old_one_stays(
    node: Node, ours: Hierarchy, tmp_path: Path
) -> None:
    bad = ours.client()
    content = [ours.revoking(bad)]

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        page(content[0])(request)

    with web_server(answer) as url:
        body = {"name": "by-url", "location": f"{url}/issuing.crl", "stale_policy": "hard"}
        call(node, "POST", SENSOR, json=body)
        content[0] = b"<html>we have moved</html>"
        node.run("sensor", "crl", "refresh", expect=2)
    (listed,) = call(node, "GET", SENSOR)
    assert listed["entries"] == 1
    assert "no certificate revocation list" in listed["last_error"]
    wait_until(lambda: not gets_through(node, files_of(ours, bad)), "the refusal", 10)
    call(node, "DELETE", f"{SENSOR}/by-url")
    # A hard list must be there from the beginning; a soft one may come later.
    absent = str(tmp_path / "absent.crl")
    node.run("sensor", "crl", "add", absent, "--hard", expect=2)
    soft = call(node, "POST", SENSOR, json={"name": "soft", "location": absent})
    assert "cannot be read" in soft["last_error"]
    call(node, "DELETE", f"{SENSOR}/soft")


def test_a_revoked_server_is_not_streamed_to(
    node: Node, ours: Hierarchy, served: Issued, tmp_path: Path
) -> None:
    client = files_of(ours, ours.client(hosts=("localhost",)))
    chain = (str(client.certificate), str(ours.roots))
    node.run("appliance", "import", *chain, "--key", str(client.key))
    itself = {"name": "itself", "host": LOOPBACK, "port": node.target.port}
    trusting = {"trust": ours.roots.read_text(), "server_name": "localhost"}
    call(node, "POST", "appliance/destinations", json=itself | trusting)
    file = tmp_path / "servers.crl"
    file.write_bytes(ours.revoking(served))
    node.run("appliance", "crl", "add", str(file))
    tested = call(node, "POST", "appliance/destinations/itself/test")
    assert "CN=server is revoked" in tested["steps"][-1]["detail"]
    question = {"host": LOOPBACK, "port": node.target.port, "server_name": "localhost"}
    question |= {"trust": ours.roots.read_text(), "show_certificate": True}
    told = call(node, "POST", "doctor", json=question)
    assert "revocation.revoked" in [each["code"] for each in told["findings"]]
    start = {"allow_name_mismatch": True}
    call(node, "POST", "appliance/destinations/itself/start", json=start)

    def error() -> str:
        (one,) = call(node, "GET", "appliance/destinations")
        return str(one["last_error"])

    wait_until(lambda: "is revoked" in error(), "the refusal of the server", 15)
    node.run("appliance", "crl", "remove", "servers.crl")
    wait_until(lambda: error() == "", "the stream", 20)
