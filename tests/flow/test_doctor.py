"""The doctor against live servers: each broken in one way, and the finding that names it."""

from __future__ import annotations

import dataclasses
import json
import socket
import ssl
import struct
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sealwire.cli.doctor_actions import Question, patient
from sealwire.clock import SystemClock
from sealwire.errors import Severity
from sealwire.identity.checkup import Ailment, Outcome, StepName
from sealwire.net.client_tls import ClientIdentity
from sealwire.net.doctor import Patient, examine, trial_frame
from sealwire.x509.revocation import read_revocation_lists
from tests.flow import broken_servers as broken
from tests.flow.authority import TlsFiles
from tests.flow.broken_servers import Hierarchy, TlsServer, listening, tls
from tests.flow.commands import SEALWIRE
from tests.flow.node import Node
from tests.flow.peers import LOOPBACK, RsyslogReceiver, SyslogNgReceiver, free_port
from tests.pki import CLIENT, Issued, issue, key, variant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealwire.identity.checkup import Checkup

    Find = Callable[[str, int], list[tuple[int, tuple[str, int]]]]

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    return Hierarchy(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    return Hierarchy(tmp_path_factory.mktemp("others"), "others")


def look(
    port: int,
    ours: Hierarchy,
    *,
    client: Issued | None = None,
    crl: bytes = b"",
    find: Find | None = None,
    **changes: object,
) -> Checkup:
    identity = None
    if client is not None:
        chain = b"".join(one.pem for one in (client, ours.issuing, ours.middle))
        identity = ClientIdentity(chain.decode(), client.key_pem)
    patient = Patient(
        host="localhost",
        port=port,
        server_name="localhost",
        anchors=(ours.root.certificate,),
        identity=identity,
        lists=tuple(read_revocation_lists(crl)) if crl else (),
        message=trial_frame(CLOCK, "unit.example.com"),
        timeout=1.0,
        listen=0.2,
    )
    here = [(int(socket.AF_INET), (LOOPBACK, port))]
    patient = dataclasses.replace(patient, **changes)  # type: ignore[arg-type]
    return examine(patient, CLOCK, find or (lambda _host, _port: here))


def codes(checkup: Checkup, severity: Severity = Severity.ERROR) -> list[Ailment]:
    return [remark.code for remark in checkup.remarks if remark.severity is severity]


def named(checkup: Checkup, *expected: Ailment) -> None:
    """Exactly these faults, each with plain words and a fix, in a step that failed."""
    assert codes(checkup) == list(expected), checkup.remarks
    assert not checkup.ok
    assert all(remark.message and remark.fix for remark in checkup.remarks)


def outcomes(checkup: Checkup) -> dict[StepName, Outcome]:
    return {step.name: step.outcome for step in checkup.steps}


# -- healthy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [V12, V13])
def test_a_healthy_server_passes_every_step(ours: Hierarchy, version: ssl.TLSVersion) -> None:
    got: list[bytes] = []

    def talk(wrapped: ssl.SSLSocket) -> None:
        while data := wrapped.recv(4096):
            got.append(data)
        wrapped.unwrap()

    server = TlsServer(ours.whole(ours.leaf()), ours.roots, ssl.CERT_REQUIRED, version)
    with listening(tls(server, talk)) as port:
        checkup = look(port, ours, client=ours.client(), crl=ours.revoking())
    assert codes(checkup) == []
    # Only one list is given: the issuing CA's own certificates stand in others.
    assert set(codes(checkup, Severity.WARNING)) <= {Ailment.NO_LIST}
    shown = outcomes(checkup)
    assert shown.pop(StepName.REVOCATION) is Outcome.WARNING
    assert set(shown.values()) == {Outcome.OK}
    assert all(step.milliseconds > 0 for step in checkup.steps)
    assert b"DESTINATION_TEST" in b"".join(got)


def test_rsyslog_syslog_ng_stunnel_and_openssl_pass(ours: Hierarchy, tmp_path: Path) -> None:
    leaf, client = ours.leaf(), ours.client()
    files = files_of(ours, leaf, tmp_path / "server")
    for receiver in (
        RsyslogReceiver(tmp_path / "rsyslog", files),
        SyslogNgReceiver(tmp_path / "syslog-ng", files),
    ):
        with receiver:
            assert codes(look(receiver.port, ours, client=client)) == [], type(receiver)
            assert b"DESTINATION_TEST" in receiver.wait_for_lines(1)[0]
            named(look(receiver.port, ours), Ailment.CLIENT_REQUIRED)
    whole = ours.whole(leaf)
    with listening(broken.keeps_quiet) as back:
        lines = [f"cert = {whole}", f"CAfile = {ours.roots}", "verifyChain = yes"]
        with broken.stunnel(tmp_path, lines, back) as port:
            assert codes(look(port, ours, client=client)) == []
            named(look(port, ours), Ailment.CLIENT_REQUIRED)
    with broken.openssl_server(tmp_path, "-cert", whole, "-cert_chain", files.certificate) as port:
        assert codes(look(port, ours)) == []


# -- no way there ----------------------------------------------------------------------------------


def test_a_name_without_an_address(ours: Hierarchy) -> None:
    def find(host: str, _port: int) -> list[tuple[int, tuple[str, int]]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    checkup = look(6514, ours, find=find)
    named(checkup, Ailment.DNS_FAILED)
    assert checkup.unreachable


def test_nothing_listens(ours: Hierarchy) -> None:
    checkup = look(free_port(), ours)
    named(checkup, Ailment.TCP_REFUSED)
    assert checkup.unreachable


def test_nobody_answers(ours: Hierarchy) -> None:
    with broken.full_backlog() as port:
        checkup = look(port, ours, timeout=0.4)
    named(checkup, Ailment.TCP_TIMEOUT)
    assert checkup.unreachable


def test_one_of_two_addresses_is_dead_and_the_name_is_private(ours: Hierarchy) -> None:
    server = TlsServer(ours.whole(ours.leaf(hosts=("sensor.example.com",))))
    with listening(tls(server)) as port:
        family = int(socket.AF_INET)
        both = [(family, ("127.0.0.2", port)), (family, (LOOPBACK, port))]
        host = "sensor.example.com"
        checkup = look(port, ours, find=lambda *_: both, host=host, server_name=host)
    assert codes(checkup) == []
    assert codes(checkup, Severity.WARNING) == [Ailment.DNS_PRIVATE, Ailment.TCP_SOME]
    assert "NAT?" in checkup.remarks[0].message


# -- no TLS ----------------------------------------------------------------------------------------

NO_TLS = {
    "silence": (broken.keeps_quiet, Ailment.PLAIN_TEXT),
    "syslog": (broken.says(b"<14>1 - - - - - hello\n"), Ailment.PLAIN_TEXT),
    "http": (broken.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Ailment.HTTP),
    "smtp": (broken.says(b"220 mx.example.com ESMTP\r\n", at_once=True), Ailment.STARTTLS),
    "imap": (broken.says(b"* OK IMAP4rev1 ready\r\n", at_once=True), Ailment.STARTTLS),
    "ssh": (broken.says(b"SSH-2.0-OpenSSH_9.2\r\n", at_once=True), Ailment.PLAIN_TEXT),
    "junk": (broken.says(b"\x00\x01\xfe\xff\x00\x01\xfe\xff"), Ailment.NOT_TLS),
    "hangs up": (broken.hangs_up, Ailment.CLOSED),
    "cuts": (broken.cuts, Ailment.CLOSED),
    "half a hello": (broken.says(b"\x16\x03\x03\x00\x7a\x02"), Ailment.UNFINISHED),
}


@pytest.mark.parametrize("case", NO_TLS)
def test_a_server_without_tls(ours: Hierarchy, case: str) -> None:
    behaviour, code = NO_TLS[case]
    with listening(behaviour) as port:
        checkup = look(port, ours, timeout=0.4)
    named(checkup, code)
    assert not checkup.unreachable
    assert outcomes(checkup)[StepName.TLS] is Outcome.FAILED
    if case in {"silence", "syslog", "http", "smtp", "ssh"}:
        assert "speaks plain text" in checkup.remarks[0].message


def test_silence_may_be_anything_when_no_message_is_wanted(ours: Hierarchy) -> None:
    with listening(broken.keeps_quiet) as port:
        named(look(port, ours, timeout=0.4, message=None), Ailment.SILENT)


def test_plain_rsyslog_and_plain_syslog_ng_are_said_to_be(ours: Hierarchy, tmp_path: Path) -> None:
    files = files_of(ours, ours.leaf(), tmp_path / "server")
    for receiver in (
        PlainRsyslog(tmp_path / "rsyslog", files),
        PlainSyslogNg(tmp_path / "syslog-ng", files),
    ):
        with receiver:
            checkup = look(receiver.port, ours)
        named(checkup, Ailment.PLAIN_TEXT)
        assert "server speaks plain text" in checkup.remarks[0].message


class PlainRsyslog(RsyslogReceiver):
    """The same without TLS: it takes our greeting without a word."""

    def configuration(self) -> str:
        plain = super().configuration().replace('streamDriver.mode="1"', 'streamDriver.mode="0"')
        plain = plain.replace('streamDriver.authMode="x509/certvalid"', "")
        return plain.replace('streamDriver.name="ossl"', "")


class PlainSyslogNg(SyslogNgReceiver):
    """The same without TLS: it hangs up on our greeting."""

    def configuration(self) -> str:
        with_tls = super().configuration()
        return with_tls.replace('transport("tls")', 'transport("tcp")').replace(
            self._tls(self.files), ""
        )


def test_only_old_tls(ours: Hierarchy, tmp_path: Path) -> None:
    whole = ours.whole(ours.leaf())
    options = ("-cert", whole, "-tls1", "-cipher", "ALL:@SECLEVEL=0")
    with broken.openssl_server(tmp_path, *options) as port:
        checkup = look(port, ours)
    assert codes(checkup)[0] is Ailment.OLD_VERSION
    assert "TLSv1 " in checkup.remarks[0].message


def test_no_common_cipher(ours: Hierarchy) -> None:
    rsa = ours.leaf(key("rsa leaf", "rsa2048"))
    server = TlsServer(ours.whole(rsa), version=V12, ciphers="AES128-SHA:@SECLEVEL=0")
    with listening(tls(server)) as port:
        checkup = look(port, ours)
    named(checkup, Ailment.NO_CIPHER)
    assert "AES128-SHA" in checkup.remarks[0].message


def test_a_server_without_any_certificate_or_for_another_name(
    ours: Hierarchy, tmp_path: Path
) -> None:
    with broken.openssl_server(tmp_path, "-nocert") as port:
        named(look(port, ours), Ailment.HANDSHAKE_REFUSED)
    whole = ours.whole(ours.leaf())
    options = ("-servername", "other.example.com", "-servername_fatal")
    with broken.openssl_server(tmp_path, "-cert", whole, "-cert2", whole, *options) as port:
        named(look(port, ours), Ailment.UNKNOWN_NAME)


# -- what is wrong with the certificates -----------------------------------------------------------


def served(ours: Hierarchy, file: Path, **options: object) -> Checkup:
    with listening(tls(TlsServer(file))) as port:
        return look(port, ours, **options)  # type: ignore[arg-type]


def test_no_intermediate(ours: Hierarchy) -> None:
    checkup = served(ours, ours.file(ours.leaf()))
    named(checkup, Ailment.NO_INTERMEDIATE)
    assert "sends no intermediate" in checkup.remarks[0].message
    assert outcomes(checkup)[StepName.MESSAGE] is Outcome.SKIPPED


def test_one_of_two_intermediates_is_missing(ours: Hierarchy) -> None:
    checkup = served(ours, ours.file(ours.leaf(), ours.issuing))
    named(checkup, Ailment.UNKNOWN_CA)
    assert "CN=Test Middle CA is neither sent nor trusted" in checkup.remarks[0].message


def test_the_wrong_order(ours: Hierarchy) -> None:
    checkup = served(ours, ours.file(ours.leaf(), ours.root, ours.middle, ours.issuing))
    named(checkup, Ailment.ORDER_WRONG)
    needed = "CN=server | CN=Test Issuing CA | CN=Test Middle CA"
    assert checkup.remarks[0].fix.endswith(needed)
    assert codes(checkup, Severity.INFO) == [Ailment.ROOT_INCLUDED]
    assert outcomes(checkup)[StepName.MESSAGE] is Outcome.OK


def test_duplicates_and_strangers(ours: Hierarchy) -> None:
    stranger = issue(broken.current(variant(broken.LEAF, name="stranger")), ours.root)
    bag = (ours.issuing, ours.issuing, ours.middle, stranger)
    checkup = served(ours, ours.file(ours.leaf(), *bag))
    assert codes(checkup) == []
    assert codes(checkup, Severity.WARNING) == [Ailment.DUPLICATE, Ailment.STRANGER]


def test_an_unknown_ca(ours: Hierarchy, others: Hierarchy) -> None:
    chain = (others.issuing, others.middle, others.root)
    named(served(ours, others.file(others.leaf(), *chain)), Ailment.UNKNOWN_CA)


def test_an_intermediate_of_another_generation(ours: Hierarchy, others: Hierarchy) -> None:
    checkup = served(ours, ours.file(ours.leaf(), others.issuing, ours.middle))
    assert Ailment.ISSUER_OTHER_KEY in codes(checkup)


def test_self_signed(ours: Hierarchy) -> None:
    alone = issue(broken.current(broken.LEAF), None, key("alone"))
    named(served(ours, ours.file(alone)), Ailment.SELF_SIGNED)


def test_an_issuer_that_is_no_ca(ours: Hierarchy) -> None:
    fake = issue(broken.current(variant(broken.LEAF, name="fake", cert_sign=None)), ours.issuing)
    leaf = issue(broken.current(broken.LEAF), fake)
    checkup = served(ours, ours.file(leaf, fake, ours.issuing, ours.middle))
    named(checkup, Ailment.NOT_A_CA)


def test_a_client_certificate_as_the_servers(ours: Hierarchy) -> None:
    named(served(ours, ours.whole(ours.leaf(usages=(CLIENT,)))), Ailment.WRONG_PURPOSE)


def test_the_wrong_name(ours: Hierarchy) -> None:
    checkup = served(ours, ours.whole(ours.leaf(hosts=("a.example.com", "b.example.com"))))
    named(checkup, Ailment.NAME_MISMATCH)
    assert "(has: a.example.com, b.example.com)" in checkup.remarks[0].message


def test_the_name_only_in_the_common_name(ours: Hierarchy) -> None:
    leaf = ours.leaf(name="localhost", hosts=())
    named(served(ours, ours.whole(leaf)), Ailment.COMMON_NAME_ONLY)


def test_expired_not_yet_valid_and_soon(ours: Hierarchy) -> None:
    days = timedelta(days=1)
    expired = ours.leaf(starts=-100 * days, lasts=99 * days)
    named(served(ours, ours.whole(expired)), Ailment.EXPIRED)
    # Its CA was founded since: that it was not valid then is no fault of today.
    ancient = ours.leaf(starts=-900 * days, lasts=99 * days)
    named(served(ours, ours.whole(ancient)), Ailment.EXPIRED)
    early = ours.leaf(starts=2 * days)
    named(served(ours, ours.whole(early)), Ailment.NOT_YET_VALID)
    soon = served(ours, ours.whole(ours.leaf(lasts=15 * days)))
    assert (codes(soon), codes(soon, Severity.WARNING)) == ([], [Ailment.EXPIRES_SOON])


def test_an_expired_intermediate(ours: Hierarchy) -> None:
    days = timedelta(days=1)
    old = issue(
        broken.current(
            variant(broken.pki.ISSUING, name="Old CA"), starts=-100 * days, lasts=90 * days
        ),
        ours.middle,
    )
    leaf = issue(broken.current(broken.LEAF), old)
    named(served(ours, ours.file(leaf, old, ours.middle)), Ailment.ISSUER_EXPIRED)


def test_a_chain_longer_than_anybody_needs_is_no_fault(ours: Hierarchy) -> None:
    chain = [ours.middle]
    for number in range(9):
        recipe = variant(broken.pki.MIDDLE, name=f"CA {number}")
        chain.insert(0, issue(broken.current(recipe), chain[0]))
    leaf = issue(broken.current(broken.LEAF), chain[0])
    assert codes(served(ours, ours.file(leaf, *chain))) == []


def test_an_alert_is_told_in_plain_words(ours: Hierarchy) -> None:
    internal_error = b"\x15\x03\x03\x00\x02\x02\x50"
    with listening(broken.says(internal_error)) as port:
        checkup = look(port, ours)
    named(checkup, Ailment.TLS_FAILED)
    assert checkup.remarks[0].message.endswith("with the alert: internal error")


def test_a_weak_key(ours: Hierarchy) -> None:
    named(served(ours, ours.whole(ours.leaf(key("weak", "rsa1024")))), Ailment.WEAK_KEY)


def test_a_signature_that_can_be_forged(ours: Hierarchy, tmp_path: Path) -> None:
    issuer = tmp_path / "issuer.pem"
    issuer.write_bytes(ours.issuing.key_pem + ours.issuing.pem)
    (tmp_path / "ext").write_text("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
    for words in (
        "req -new -newkey rsa:2048 -nodes -keyout key -subj /CN=old -out csr",
        "x509 -req -in csr -CA issuer.pem -CAkey issuer.pem -sha1 -days 90 -extfile ext -out cert",
    ):
        command = ["openssl", *words.split()]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    parts = [(tmp_path / name).read_bytes() for name in ("key", "cert")]
    served_by = tmp_path / "server.pem"
    served_by.write_bytes(b"".join([*parts, ours.issuing.pem, ours.middle.pem]))
    named(served(ours, served_by), Ailment.WEAK_SIGNATURE)


def test_a_revoked_certificate(ours: Hierarchy) -> None:
    leaf = ours.leaf()
    checkup = served(ours, ours.whole(leaf), crl=ours.revoking(leaf))
    assert codes(checkup) == [Ailment.REVOKED]
    assert outcomes(checkup)[StepName.MESSAGE] is Outcome.SKIPPED
    forged = issue(broken.pki.ISSUING, None, key("forger"))
    unsigned = served(ours, ours.whole(leaf), crl=ours.revoking(leaf, signer=forged))
    assert codes(unsigned) == []
    assert Ailment.LIST_UNVERIFIED in codes(unsigned, Severity.WARNING)


# -- the client certificate ------------------------------------------------------------------------

VERSIONS = pytest.mark.parametrize("version", [V12, V13])


@VERSIONS
def test_a_client_certificate_is_demanded(ours: Hierarchy, version: ssl.TLSVersion) -> None:
    server = TlsServer(ours.whole(ours.leaf()), ours.roots, ssl.CERT_REQUIRED, version)
    with listening(tls(server)) as port:
        checkup = look(port, ours)
    named(checkup, Ailment.CLIENT_REQUIRED)
    assert "wants a client certificate" in checkup.remarks[0].message


def test_a_client_certificate_is_wanted_or_not(ours: Hierarchy) -> None:
    server = TlsServer(ours.whole(ours.leaf()), ours.roots, ssl.CERT_OPTIONAL)
    with listening(tls(server)) as port:
        checkup = look(port, ours)
    assert codes(checkup) == []
    assert codes(checkup, Severity.INFO) == [Ailment.CLIENT_WANTED]
    indifferent = served(ours, ours.whole(ours.leaf()), client=ours.client())
    assert codes(indifferent, Severity.WARNING) == [Ailment.CLIENT_NOT_ASKED]


REFUSALS = {
    "unknown ca": ({}, Ailment.CLIENT_UNKNOWN_CA),
    "expired": ({"starts": timedelta(-100), "lasts": timedelta(90)}, Ailment.CLIENT_EXPIRED),
    "purpose": ({"usages": (broken.SERVER,)}, Ailment.CLIENT_PURPOSE),
}


@VERSIONS
@pytest.mark.parametrize("case", REFUSALS)
def test_the_client_certificate_is_refused(
    ours: Hierarchy, others: Hierarchy, case: str, version: ssl.TLSVersion
) -> None:
    changes, code = REFUSALS[case]
    client = (others if case == "unknown ca" else ours).client(**changes)
    server = TlsServer(ours.whole(ours.leaf()), ours.roots, ssl.CERT_REQUIRED, version)
    with listening(tls(server)) as port:
        checkup = look(port, ours, client=client)
    named(checkup, code)
    assert outcomes(checkup)[StepName.CLIENT] is Outcome.FAILED
    assert outcomes(checkup)[StepName.MESSAGE] is Outcome.SKIPPED


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_the_server_names_the_cas_it_takes(ours: Hierarchy, tmp_path: Path, version: str) -> None:
    whole = ours.whole(ours.leaf())
    options = (
        "-cert",
        whole,
        "-cert_chain",
        whole,
        "-CAfile",
        ours.roots,
        "-Verify",
        "5",
        "-verify_return_error",
    )
    with broken.openssl_server(tmp_path, *options, version) as port:
        checkup = look(port, ours)
    named(checkup, Ailment.CLIENT_REQUIRED)
    said = {remark.code: remark.message for remark in checkup.remarks}
    assert "issued by CN=Test Root" in said[Ailment.CLIENT_REQUIRED]


def test_the_server_hangs_up_on_the_certificate_or_on_the_message(ours: Hierarchy) -> None:
    def leave(wrapped: ssl.SSLSocket) -> None:
        """Go without a word."""

    def cut(wrapped: ssl.SSLSocket) -> None:
        wrapped.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def read_and_leave(wrapped: ssl.SSLSocket) -> None:
        wrapped.recv(4096)

    def read_and_cut(wrapped: ssl.SSLSocket) -> None:
        wrapped.recv(4096)
        wrapped.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    mutual = TlsServer(ours.whole(ours.leaf()), ours.roots, ssl.CERT_REQUIRED)
    with listening(tls(mutual, leave)) as port:
        named(look(port, ours, client=ours.client()), Ailment.CLIENT_CLOSED)
    simple = TlsServer(ours.whole(ours.leaf()))
    for rude in (read_and_leave, read_and_cut):
        with listening(tls(simple, rude)) as port:
            named(look(port, ours), Ailment.MESSAGE_CLOSED)
    # A server that did not ask for a certificate does not refuse one by going.
    for rude in (leave, cut):
        with listening(tls(simple, rude)) as port:
            checkup = look(port, ours)
        named(checkup, Ailment.MESSAGE_CLOSED)
        assert "right after the handshake" in checkup.remarks[0].message


# -- the goodbye, and no message -------------------------------------------------------------------


def test_how_the_session_ends_is_told(ours: Hierarchy) -> None:
    def rude(wrapped: ssl.SSLSocket) -> None:
        while wrapped.recv(4096):
            pass

    with listening(tls(TlsServer(ours.whole(ours.leaf())), rude)) as port:
        checkup = look(port, ours, message=None)
    assert codes(checkup, Severity.INFO) == [Ailment.CLOSE_UNCLEAN]
    assert outcomes(checkup)[StepName.MESSAGE] is Outcome.SKIPPED


def test_without_anchors_nothing_is_trusted(ours: Hierarchy) -> None:
    assert codes(served(ours, ours.whole(ours.leaf()), anchors=())) == [Ailment.UNKNOWN_CA]


# -- the command -----------------------------------------------------------------------------------


def run(*words: str, home: Path, expect: int) -> tuple[str, str]:
    done = subprocess.run(
        [*SEALWIRE, "doctor", *words, "--home", str(home)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == expect, f"{done.stdout}{done.stderr}"
    return done.stdout, done.stderr


def test_the_command_against_a_sensor(ours: Hierarchy, tmp_path: Path) -> None:
    with Node(tmp_path / "home", options=("--roles", "sensor")) as node:
        home, address = node.home, f"localhost:{node.target.port}"
        # Before it has a certificate of a CA, it shows one of its own.
        told, error = run(address, home=home, expect=2)
        assert f"[{Ailment.SELF_SIGNED}]" in told
        assert error == "error: 1 of 11 steps failed: server certificate\n"
        node.serve_with(files_of(ours, ours.leaf(), tmp_path / "server"))
        trust = ("--ca", str(ours.roots), "--json")
        told, _ = run(address, *trust, home=home, expect=2)
        assert [each["code"] for each in json.loads(told)["findings"]] == [Ailment.CLIENT_REQUIRED]
        files = files_of(ours, ours.client(), tmp_path / "client")
        shown = ("--client-cert", str(files.certificate), "--client-key", str(files.key))
        told, _ = run(address, *trust, *shown, home=home, expect=0)
        document = json.loads(told)
        assert (document["ok"], document["reachable"]) == (True, True)
        assert [step["name"] for step in document["steps"]] == [name.value for name in StepName]
        assert node.packets_received() == 1


def files_of(ours: Hierarchy, one: Issued, folder: Path) -> TlsFiles:
    folder.mkdir()
    chain, own = folder / "chain.pem", folder / "own.key"
    chain.write_bytes(one.pem + ours.issuing.pem + ours.middle.pem)
    own.write_bytes(one.key_pem)
    return TlsFiles(ours.roots, chain, own)


def test_without_ca_the_homes_own_root_and_the_systems_are_trusted(
    ours: Hierarchy, tmp_path: Path
) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "ca-roots.pem").write_bytes(ours.root.pem)
    words = ("h.example.com:1", None, None, None, (), "", 1.0)
    asked = Question(*words, message=True, home=tmp_path)
    asked_of = patient(asked, CLOCK)
    assert asked_of.anchors[0] == ours.root.certificate
    assert len(asked_of.anchors) > 100
    assert patient(dataclasses.replace(asked, ca=ours.roots), CLOCK).anchors == (
        ours.root.certificate,
    )


def test_exit_codes_and_misuse(ours: Hierarchy, tmp_path: Path) -> None:
    told, error = run(f"127.0.0.1:{free_port()}", home=tmp_path, expect=3)
    assert f"[{Ailment.TCP_REFUSED}]" in told
    assert error.startswith("error: there is no connection to 127.0.0.1:")
    assert "not HOST:PORT" in run("nowhere", home=tmp_path, expect=1)[1]
    key_alone = ("--client-key", str(ours.file(ours.client())))
    assert "needs --client-cert" in run("a:1", *key_alone, home=tmp_path, expect=1)[1]
    wrong = ("--client-cert", str(ours.roots), *key_alone)
    assert "belongs to no certificate" in run("a:1", *wrong, home=tmp_path, expect=1)[1]
