"""Bad input through the real commands and sockets: a clear error each time, and nothing is lost."""

from __future__ import annotations

import base64
import json
import re
import socket
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.flow.authority import LOOPBACK
from tests.flow.commands import good, pki_refused, refused, run
from tests.flow.node import Node
from tests.flow.peers import octet_counted, openssl_send, wait_until
from tests.flow.shop import CLIENT, SERVER, Shop, new_key, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.flow.authority import TlsFiles

HOST = "fmc.example.test"
LINE = b"<134>1 2026-01-02T03:04:05Z fmc.example.test app 7 - - good %d"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node whose sensor has a certificate of its CA, and demands one of its senders."""
    folder = tmp_path_factory.mktemp("node")
    with Node(folder / "home") as running:
        running.certify_sensor(folder)
        running.run("sensor", "listener", "set", "--client-certificate", "required")
        running.run("appliance", "host-name", HOST)
        yield running


@pytest.fixture(scope="module")
def client(node: Node, tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return node.client_files(HOST, tmp_path_factory.mktemp("client"))


# What the CA is given


def broken_signature() -> bytes:
    der = bytearray(request(new_key(), HOST))
    # Inside the signature, and so that it still decodes.
    der[-5] ^= 1
    return bytes(der)


def weak_key() -> bytes:
    return request(rsa.generate_private_key(65537, 1024), HOST)


def long_country() -> bytes:
    return request(new_key(), HOST, country="USA")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (broken_signature, "signature does not fit its key"),
        (weak_key, "RSA key has 1024 bits; 2048 is the least"),
        (long_country, "Country must be two letters (ISO 3166-1), such as US; it is 'USA'"),
        (lambda: b"hello, world\n", "There is no certificate request"),
        (bytes, "There is no certificate request"),
    ],
)
def test_a_bad_request_is_refused_and_the_queue_stays(
    node: Node, tmp_path: Path, make: Callable[[], bytes], says: str
) -> None:
    before = good(run(node.home, "pki", "-n", "caadmin", "ca-cert-request-find", "--size", "100"))
    bad, fine = tmp_path / "bad.csr", tmp_path / "fine.csr"
    bad.write_bytes(make())
    submit = ("pki", "ca-cert-request-submit", "--profile", "caAuditClientCert", "--csr-file")
    pki_refused(run(node.home, *submit, str(bad)), says)
    shown = run(node.home, "csr", "show", str(bad))
    assert shown.returncode == 2
    assert says in shown.stderr
    after = good(run(node.home, "pki", "-n", "caadmin", "ca-cert-request-find", "--size", "100"))
    assert after == before
    fine.write_bytes(request(new_key(), HOST))
    assert "Request Status: pending" in good(run(node.home, *submit, str(fine)))


def test_every_fault_of_a_request_is_said_at_once(node: Node, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csr"
    der = bytearray(request(rsa.generate_private_key(65537, 1024), HOST, country="USA"))
    der[-5] ^= 1
    bad.write_bytes(bytes(der))
    submit = ("pki", "ca-cert-request-submit", "--profile", "caAuditClientCert", "--csr-file")
    faults = ("signature does not fit", "1024 bits", "two letters")
    pki_refused(run(node.home, *submit, str(bad)), *faults)


def test_a_subject_that_no_certificate_can_have_makes_no_key(node: Node) -> None:
    keys = set((node.home / "keys").iterdir())
    done = run(node.home, "appliance", "csr", "--c", "USA", "--cn", "bad name", "--st", "x" * 200)
    refused(done, 2, "two letters", "no host name", "200; 128 is the most")
    assert set((node.home / "keys").iterdir()) == keys


# What appliance and sensor are given


def identity(node: Node, *words: str) -> dict[str, Any]:
    document = json.loads(good(run(node.home, *words, "--json")))
    return {"identity": document["identity"], "pending": document["pending"]}


def own_key(node: Node, folder: Path, *words: str) -> Any:  # noqa: ANN401 - any public key
    """A CSR made on the node; its public key."""
    csr = folder / "own.csr"
    good(run(node.home, *words, "--cn", HOST, "-o", str(csr)))
    return x509.load_pem_x509_csr(csr.read_bytes()).public_key()


Bag = tuple[str, list[str], str]


def bad_bags(key: Any, purpose: x509.ObjectIdentifier) -> Iterator[Bag]:  # noqa: ANN401 - as above
    """Name, files, and what is said about them."""
    shop, other = Shop("Corp"), Shop("Other")
    wrong = SERVER if purpose == CLIENT else CLIENT
    leaf = shop.leaf(key, HOST, purpose)
    chain = [shop.issuing, shop.root]
    foreign = shop.leaf(new_key().public_key(), HOST, purpose)
    yield "another key", [foreign, *chain], "None of the certificates belongs to a key that is here"
    old = shop.leaf(key, HOST, purpose, days=(-60, -5))
    yield "expired", [old, *chain], f"CN={HOST} expired on "
    early = shop.leaf(key, HOST, purpose, days=(5, 60))
    yield "not yet", [early, *chain], f"CN={HOST} is valid only from "
    needs = "it needs clientAuth, it has serverAuth"
    if purpose == SERVER:
        needs = "it needs serverAuth, it has clientAuth"
    yield "wrong purpose", [shop.leaf(key, HOST, wrong), *chain], needs
    missing = f"The issuer of CN={HOST} is missing: CN=Corp Issuing CA"
    yield "no intermediate", [leaf, shop.root], missing
    yield "another chain", [leaf, other.issuing, other.root], missing
    yield "alone", [leaf], missing
    yield "no certificate", ["hello\n"], "There is no certificate in the files"


@pytest.mark.parametrize(
    ("show", "csr", "load", "trail", "purpose"),
    [
        (("appliance", "show"), ("appliance", "csr"), ("appliance", "import"), "appliance", CLIENT),
        (
            ("sensor", "identity", "show"),
            ("sensor", "identity", "csr"),
            ("sensor", "identity", "import"),
            "sensor",
            SERVER,
        ),
    ],
)
def test_a_bad_certificate_is_refused_and_the_one_in_use_stays(
    node: Node,
    tmp_path: Path,
    client: TlsFiles,
    show: tuple[str, ...],
    csr: tuple[str, ...],
    load: tuple[str, ...],
    trail: str,
    purpose: x509.ObjectIdentifier,
) -> None:
    key = own_key(node, tmp_path, *csr)
    before = identity(node, *show)
    for name, files, says in bad_bags(key, purpose):
        bag = tmp_path / f"{name}.pem"
        bag.write_text("".join(files))
        refused(run(node.home, *load, str(bag)), 2, says)
        assert identity(node, *show) == before, name
        told = good(run(node.home, "audit", "list", "--trail", trail, "--json")).splitlines()
        last = json.loads(told[-1])
        assert (last["event"], last["outcome"]) == ("IDENTITY_INSTALLED", "Failure")
        assert says in last["message"]
        assert_counts_exactly(node, client)
    # The request is still open, and its certificate welcome.
    submit = ("pki", "ca-cert-request-submit", "--csr-file", str(tmp_path / "own.csr"))
    profile = "caAuditClientCert" if purpose == CLIENT else "caAuditServerCert"
    good(run(node.home, *submit, "--profile", profile))
    fine = tmp_path / "fine.pem"
    fine.write_text(node.certify(tmp_path / "own.csr", profile))
    good(run(node.home, *load, str(fine)))
    after = identity(node, *show)
    assert after["identity"] != before["identity"]
    assert after["pending"] == before["pending"][:-1]
    assert_counts_exactly(node, client)


# What the sensor's port is given


def stats(node: Node) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(good(run(node.home, "sensor", "stats", "--json")))
    return document


def assert_counts_exactly(node: Node, client: TlsFiles, count: int = 20) -> None:
    """A good sender comes; all of its messages are counted, and nothing else is."""
    before = stats(node)["packets_received"]
    lines = [LINE % number for number in range(count)]
    sent = openssl_send(node.target, client, octet_counted(lines))
    assert sent.returncode == 0, sent.stderr
    wait_until(lambda: stats(node)["packets_received"] >= before + count, "all are counted")
    tail = good(run(node.home, "sensor", "tail", "-n", str(count), "--json")).splitlines()
    assert [json.loads(line)["raw"].encode() for line in tail] == lines
    time.sleep(0.2)
    assert stats(node)["packets_received"] == before + count


def speak(node: Node, data: bytes) -> None:
    """Send bytes that are no TLS and read to the end."""
    with socket.create_connection((LOOPBACK, node.target.port), 20) as raw, suppress(OSError):
        raw.sendall(data)
        while raw.recv(4096):
            pass


def connect(node: Node, client: TlsFiles) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(client.ca))
    context.load_cert_chain(client.certificate, client.key)
    # Its chain is verified; which of its names we ask for does not matter here.
    context.check_hostname = False
    return context.wrap_socket(socket.create_connection((LOOPBACK, node.target.port), 20))


def failures(node: Node, reason: str) -> int:
    return sum(each["count"] for each in stats(node)["tls_failures"] if each["reason"] == reason)


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (octet_counted([LINE % 1] * 50), "plain_text", "client sent syslog without TLS"),
        (b"<14>Jan  2 03:04:05 h app: x\n" * 50, "plain_text", "client sent syslog without TLS"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "plain_text", "client sent text without TLS"),
        (b"\x00\xff\x07\x80" * 500_000, "not_tls", "client sent bytes that are no TLS"),
    ],
)
def test_a_sender_without_tls_is_named(
    node: Node, client: TlsFiles, data: bytes, reason: str, words: str
) -> None:
    before = stats(node)
    seen = failures(node, reason)
    speak(node, data)
    wait_until(lambda: failures(node, reason) == seen + 1, f"{reason} is shown")
    assert words in good(run(node.home, "sensor", "stats"))
    assert stats(node)["packets_received"] == before["packets_received"]
    assert_counts_exactly(node, client)


def test_two_megabytes_of_garbage_within_tls(node: Node, client: TlsFiles) -> None:
    """No line end, no count: one message cut at the limit, and its rest counted as cut off."""
    before = stats(node)
    with connect(node, client) as tls:
        tls.sendall(b"\x80garbage" * 250_000 + b"\n")
        tls.unwrap().close()
    wait_until(lambda: stats(node)["overlong"] == before["overlong"] + 1, "it is counted")
    after = stats(node)
    assert after["packets_received"] == before["packets_received"] + 1
    assert after["truncated_bytes"] == before["truncated_bytes"] + 2_000_000 - 65_536 + 1
    assert "Messages too long, cut" in good(run(node.home, "sensor", "stats"))
    assert_counts_exactly(node, client)


def test_an_octet_count_of_a_gigabyte(node: Node, client: TlsFiles) -> None:
    before = stats(node)
    with connect(node, client) as tls:
        tls.sendall(octet_counted([LINE % 1]) + b"1073741824 " + LINE % 2)
        wait_until(lambda: stats(node)["bad_count"] == before["bad_count"] + 1, "it is counted")
        # The same connection goes on at the next line end.
        tls.sendall(b"\n" + octet_counted([LINE % 3]))
        tls.unwrap().close()
    wait_until(
        lambda: stats(node)["packets_received"] == before["packets_received"] + 2, "two are counted"
    )
    newest = good(run(node.home, "sensor", "tail", "-n", "2", "--json")).splitlines()
    assert [json.loads(line)["raw"].encode() for line in newest] == [LINE % 1, LINE % 3]
    assert_counts_exactly(node, client)


@pytest.mark.parametrize("goodbye", [True, False])
def test_a_frame_cut_in_the_middle_is_no_packet(
    node: Node, client: TlsFiles, *, goodbye: bool
) -> None:
    before = stats(node)
    with connect(node, client) as tls:
        tls.sendall(octet_counted([LINE % 1, LINE % 2])[:-10])
        if goodbye:
            tls.unwrap().close()
    wait_until(lambda: stats(node)["incomplete"] == before["incomplete"] + 1, "it is counted")
    assert stats(node)["packets_received"] == before["packets_received"] + 1
    newest = good(run(node.home, "sensor", "tail", "-n", "1", "--json"))
    assert json.loads(newest)["raw"].encode() == LINE % 1
    assert "Frames cut in the middle" in good(run(node.home, "sensor", "stats"))
    assert_counts_exactly(node, client)


BEGIN = b"<14>1 2026-01-01T00:00:00Z h a p m "
# What is hostile in a message, and the grade of its record: what is odd in a MSG is no fault.
TEXTS = [
    (BEGIN + b"- hostile \xff\xfe\xc0\x80 \xed\xa0\x80", "strict"),
    (BEGIN + b'[x@1 y="\xff"] hostile', "near_miss"),
    (BEGIN + b"- hostile a\x00b", "strict"),
    (BEGIN.replace(b" h ", b" h\x00st ") + b"- hostile", "near_miss"),
    (BEGIN + b"- \xef\xbb\xbfhostile \xc3\xa9", "strict"),
    (BEGIN + b"- \xef\xbb\xbfhostile \xff", "near_miss"),
    (BEGIN + b"- hostile \x1b[31mred\x1b]0;owned\x07\x9b2J", "strict"),
    (BEGIN + b"- hostile one\r\n<14>two\r\n", "strict"),
    (BEGIN + "- hostile \u202egnp.exe \u2028".encode(), "strict"),
    (BEGIN + b'[x@1 y="' + b"z" * 65_000 + b'"] hostile', "strict"),
    (BEGIN + b"[x@1" + b' y="z"' * 10_000 + b"] hostile", "strict"),
    *(
        (b"<14>1 %b h a p m - hostile" % time, "near_miss")
        for time in (b"2026-02-30T00:00:00Z", b"2026-02-28T24:00:00Z", b"2016-12-31T23:59:60Z")
    ),
    *(
        (b"<14>%b h a: hostile" % time, "near_miss")
        for time in (b"Feb 30 00:00:00", b"Feb 28 24:00:00", b"Dec 31 23:59:60")
    ),
    *(
        (pri + rest, grade)
        for rest in (BEGIN[4:] + b"- hostile", b"Feb 28 12:00:00 h a: hostile")
        for pri, grade in (
            *((b"<0>", "strict"), (b"<191>", "strict"), (b"<192>", "near_miss")),
            *((b"<999>", "near_miss"), (b"<100000000000000000000>", "raw")),
        )
    ),
]


NO_SUCH_TIME = re.compile(rb"-02-30|Feb 30|T24|28 24|<1000")


def test_hostile_text_is_kept_to_the_octet_graded_and_shown_escaped(
    node: Node, client: TlsFiles
) -> None:
    with connect(node, client) as tls:
        tls.sendall(octet_counted([text for text, _ in TEXTS]))
        tls.unwrap().close()
    search = ("sensor", "search", "hostile", "-n", "100", "--oldest-first")

    def records() -> list[dict[str, Any]]:
        return [json.loads(line) for line in run(node.home, *search, "--json").stdout.splitlines()]

    wait_until(lambda: len(records()) >= len(TEXTS), "all are found")
    for (text, grade), record in zip(TEXTS, records(), strict=True):
        assert octets_of(record) == text
        assert record["grade"] == grade, text[:80]
        # A day or an hour that there is not is not taken for another one.
        assert (record["timestamp"] is None) == bool(NO_SUCH_TIME.search(text)), text[:80]
    for words in (search, ("sensor", "tail", "-n", str(len(TEXTS)))):
        shown = good(run(node.home, *words))
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", shown)
        assert shown.count("hostile") >= len(TEXTS)
    assert_counts_exactly(node, client)


def octets_of(record: dict[str, Any]) -> bytes:
    if "raw_base64" in record:
        return base64.b64decode(record["raw_base64"])
    raw: str = record["raw"]
    return raw.encode()
