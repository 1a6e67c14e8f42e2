"""Both ways of reading records give the same plaintext and the same ends, however bytes arrive."""

from __future__ import annotations

import ctypes
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sealwire.net import records
from sealwire.net.records import ChainReader, SingleReader, record_reader
from sealwire.net.tls import RecordObject, server_context
from sealwire.sensor.receiving import ClientCertificate, TlsMaterial
from sealwire.x509.certificate import self_signed_certificate
from tests.unit.appliance.test_service import NOW

if TYPE_CHECKING:
    from sealwire.net.records import RecordReader

READERS = ["chain", "single"]
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
SENT = [b"a", b"b" * 259, b"4 ", b"", b"c" * 5, b"d" * 16384, b"e" * 40_000, b"f"]
KEPT = 37
"""Bytes that stand in the buffer before anything is read."""


def material() -> TlsMaterial:
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = self_signed_certificate(
        key, ["unit.example.com"], not_before=NOW, not_after=NOW, serial=1
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = leaf.public_bytes(serialization.Encoding.PEM)
    return TlsMaterial(((chain.decode(), pem.decode()),), ClientCertificate.OFF, "")


SERVER = server_context(material())


class Link:
    """A client and the end that reads, joined in memory."""

    def __init__(self, reader: str, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        self.back, self.sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(self.back, self.sent)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = SERVER.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.tls = cast("RecordObject", tls)
        self.plain = memoryview(bytearray(100_000))
        self._shake_hands()
        self.reader: RecordReader = (
            ChainReader(self.tls, self.plain)
            if reader == "chain"
            else SingleReader(self.tls, self.incoming, self.plain)
        )

    def _shake_hands(self) -> None:
        for end in (self.client, self.tls, self.client, self.tls, self.client):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
            self.pass_back()
            self.incoming.write(self.sent.read())

    def pass_back(self) -> None:
        self.back.write(self.outgoing.read())

    def read(self, wire: bytes, step: int = 0) -> tuple[bytes, ssl.SSLError | None]:
        """What comes of ``wire``, fed ``step`` bytes at a time (0: all at once)."""
        got, end = b"", None
        for at in range(0, len(wire), step or len(wire)):
            assert end is None
            self.incoming.write(wire[at : at + (step or len(wire))])
            filled, end = self.reader.read(KEPT)
            got += self.plain[KEPT:filled].tobytes()
        return got, end


def sealed(link: Link, messages: list[bytes]) -> bytes:
    for message in messages:
        link.client.write(message)
    return link.sent.read()


def test_this_interpreter_reads_many_records_with_one_call() -> None:
    link = Link("chain")
    chosen = record_reader(link.tls, link.incoming, link.plain)
    assert isinstance(chosen, ChainReader)
    chosen.close()
    chosen.close()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("step", [0, 1, 7, 1000, 32768])
def test_every_byte_arrives_once_however_it_was_cut(
    reader: str, version: ssl.TLSVersion, step: int
) -> None:
    link = Link(reader, version)
    assert link.read(sealed(link, SENT), step) == (b"".join(SENT), None)
    assert link.reader.read(KEPT) == (KEPT, None)
    assert link.read(sealed(link, [b"more"])) == (b"more", None)
    link.reader.close()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_close_behind_data_is_told_with_the_data(reader: str, version: ssl.TLSVersion) -> None:
    link = Link(reader, version)
    wire = sealed(link, SENT)
    with pytest.raises(ssl.SSLWantReadError):
        link.client.unwrap()
    got, end = link.read(wire + link.sent.read())
    assert got == b"".join(SENT)
    assert isinstance(end, ssl.SSLZeroReturnError)
    link.tls.unwrap()
    link.reader.close()
    link.pass_back()
    link.client.unwrap()


@pytest.mark.parametrize("reader", READERS)
def test_what_came_before_a_forged_record_is_kept_and_the_fault_named(reader: str) -> None:
    link = Link(reader)
    good = sealed(link, [b"one", b"two"])
    bad = bytearray(sealed(link, [b"three"]))
    bad[-1] ^= 1
    got, end = link.read(good + bytes(bad))
    assert got == b"onetwo"
    assert isinstance(end, ssl.SSLError)
    assert "BAD_RECORD_MAC" in str(end)
    assert link.outgoing.pending, "the alert that tells the client"
    link.reader.close()
    # What the fault left behind is not taken for one of the next connection.
    other = Link(reader)
    assert other.read(sealed(other, [b"sound"])) == (b"sound", None)


@pytest.mark.parametrize("reader", READERS)
def test_an_alert_is_told_as_such(reader: str) -> None:
    link = Link(reader)
    answer = bytearray(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    link.back.write(bytes(answer))
    with pytest.raises(ssl.SSLError, match="BAD_RECORD_MAC"):
        link.client.read(100)
    got, end = link.read(link.sent.read())
    assert got == b""
    assert isinstance(end, ssl.SSLError)
    assert "ALERT_BAD_RECORD_MAC" in str(end)


@pytest.mark.parametrize("reader", READERS)
def test_keys_are_changed_in_mid_stream(reader: str) -> None:
    link = Link(reader)
    library = records._library()
    assert library is not None
    library.SSL_key_update.argtypes = (ctypes.c_void_p, ctypes.c_int)
    client = cast("RecordObject", link.client)
    wire = sealed(link, [b"before"])
    assert library.SSL_key_update(records._connection_of(client, library), 1) == 1
    wire += sealed(link, [b"after"])
    assert link.read(wire) == (b"beforeafter", None)
    link.tls.write(b"back")
    link.pass_back()
    assert link.client.read(10) == b"back"


def test_connections_do_not_mix() -> None:
    links = [Link("chain") for _ in range(5)]
    wires = [sealed(link, [b"%d" % number] * 50) for number, link in enumerate(links)]
    halves = [link.read(wire[:777])[0] for link, wire in zip(links, wires, strict=True)]
    links[2].reader.close()
    for number, link in enumerate(links):
        if number != 2:
            assert halves[number] + link.read(wires[number][777:])[0] == b"%d" % number * 50


def test_an_object_that_looks_different_is_read_singly() -> None:
    class Other:
        """No TLS object of the interpreter's, with as much room as one."""

        __slots__ = ("_sslobj", "a", "b", "c", "context", "d", "read_record")

    other = Other()
    other._sslobj = Other()
    other.context = SERVER
    other.read_record = None
    plain = memoryview(bytearray(10))
    chosen = record_reader(cast("RecordObject", other), ssl.MemoryBIO(), plain)
    assert isinstance(chosen, SingleReader)
