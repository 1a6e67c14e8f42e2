"""Who is admitted, what each may claim, how each frames: rules, and their use cases."""

from __future__ import annotations

from hashlib import sha1, sha256

import pytest

from sealwire.errors import ConflictError, NotFoundError, RefusedError
from sealwire.sensor.admission import Admission, NamedSender, checked_sender, sender_from
from sealwire.sensor.journal import Connection
from sealwire.sensor.receiving import ClientCertificate
from sealwire.syslog.kinds import Framing
from tests.unit.sensor.scene import SensorScene

WEB1 = {"san": "web1.example.com", "network": "192.0.2.0/24"}
DER = b"stands for a certificate"
SHA256 = f"sha-256:{sha256(DER).hexdigest()}"
SHA1 = f"sha-1:{sha1(DER).hexdigest()}"  # noqa: S324 - RFC 5425 4.2.2


def sender(**said: str | None) -> NamedSender:
    return checked_sender(
        "a",
        **{"san": None, "fingerprint": None, "network": None, **said},  # type: ignore[arg-type]
    )


def colons(digits: str) -> str:
    pairs = (digits[at : at + 2] for at in range(0, len(digits), 2))
    return ":".join(pairs).upper()


@pytest.mark.parametrize(
    ("said", "names", "address"),
    [
        ({"fingerprint": SHA256}, (), "192.0.2.1"),
        ({"fingerprint": SHA1}, (), "192.0.2.1"),
        ({"fingerprint": "sha-1:" + colons(SHA1[6:])}, (), "192.0.2.1"),
        ({"fingerprint": colons(SHA256[8:])}, (), "192.0.2.1"),
        ({"san": "web1.example.com"}, ("web1.example.com",), "192.0.2.1"),
        ({"san": "WEB1.example.com"}, ("mail.example.com", "web1.EXAMPLE.com"), "192.0.2.1"),
        ({"san": "web1.example.com"}, ("*.example.com",), "192.0.2.1"),
        ({"san": "2001:db8::1"}, ("2001:DB8:0:0:0:0:0:1",), "192.0.2.1"),
        (
            {"san": "web1.example.com", "network": "192.0.2.0/24"},
            ("web1.example.com",),
            "192.0.2.9",
        ),
    ],
)
def test_who_fits_comes_in(
    said: dict[str, str | None], names: tuple[str, ...], address: str
) -> None:
    assert Admission([sender(**said)]).objection(DER, address, names) is None


@pytest.mark.parametrize(
    ("said", "names", "address"),
    [
        ({"fingerprint": "00" * 32}, (), "192.0.2.1"),
        ({"san": "web1.example.com"}, (), "192.0.2.1"),
        ({"san": "web1.example.com"}, ("web1.example.com.evil.example",), "192.0.2.1"),
        ({"san": "*.example.com"}, ("a.b.example.com",), "192.0.2.1"),
        (
            {"san": "web1.example.com", "network": "192.0.2.0/24"},
            ("web1.example.com",),
            "192.0.3.9",
        ),
        ({"san": "web1.example.com", "fingerprint": "00" * 32}, ("web1.example.com",), "192.0.2.1"),
    ],
)
def test_who_does_not_is_refused(
    said: dict[str, str | None], names: tuple[str, ...], address: str
) -> None:
    assert Admission([sender(**said)]).objection(DER, address, names) is not None


def test_a_pattern_takes_names_of_one_label_more() -> None:
    admission = Admission([sender(san="*.example.com")])
    assert admission.objection(DER, "192.0.2.1", ["web1.example.com"]) is None
    assert admission.objection(DER, "192.0.2.1", ["example.com"]) is not None


def test_an_address_admits_nobody_and_keeps_nobody_out() -> None:
    assert Admission([sender(network="192.0.2.0/24")]).objection(DER, "198.51.100.1", []) is None
    assert Admission().objection(DER, "192.0.2.1", []) is None


def test_framing_is_of_the_first_that_fits() -> None:
    admission = Admission(
        [
            checked_sender("one", san=None, fingerprint=None, network="192.0.2.7", framing="nul"),
            checked_sender(
                "all", san=None, fingerprint=None, network="192.0.2.0/24", framing="lines"
            ),
        ]
    )
    framings = [
        admission.framing(Connection(1, address, 1, 6514, "", ""))
        for address in ("192.0.2.7", "192.0.2.8", "192.0.3.1")
    ]
    assert framings == [Framing.NUL, Framing.LINES, Framing.AUTO]


def test_all_faults_at_once() -> None:
    with pytest.raises(RefusedError) as refused:
        checked_sender(
            "no spaces",
            san="a b",
            fingerprint="12",
            network="192.0.2.1/24",
            hosts=["a*b"],
            framing="sometimes",
        )
    subjects = [finding.subject for finding in refused.value.findings]
    assert subjects == ["name", "san", "fingerprint", "network", "host", "framing"]


@pytest.mark.parametrize(
    "said", [{}, {"fingerprint": SHA1, "hosts": ["a"]}, {"fingerprint": "sha-1:" + SHA256[8:]}]
)
def test_what_says_nothing_or_too_little_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(RefusedError):
        checked_sender("a", **{"san": None, "fingerprint": None, "network": None, **said})  # type: ignore[arg-type]


def test_a_sender_survives_its_document() -> None:
    made = checked_sender(
        "a", san="*.example.com", fingerprint=SHA256, network="2001:db8::/32", hosts=["h"]
    )
    assert sender_from(made.document()) == made


def test_claims_name_the_source_and_its_host_names() -> None:
    made = checked_sender("a", san="w.example.com", fingerprint=None, network=None, hosts=["w"])
    (claim,) = Admission([made, sender(network="192.0.2.1")]).claims()
    assert (claim.source.san, claim.hosts) == ("w.example.com", ("w",))


def test_naming_and_forgetting_reaches_receivers_and_is_audited() -> None:
    scene = SensorScene()
    scene.sensor.ensure_identity()
    scene.sensor.admit("admin", sender(network="192.0.2.1"))
    with pytest.raises(ConflictError):
        scene.sensor.admit("admin", sender(network="192.0.2.2"))
    assert [one.name for one in scene.sensor.tls_material().senders] == ["a"]
    scene.sensor.dismiss("admin", "a")
    with pytest.raises(NotFoundError):
        scene.sensor.dismiss("admin", "a")
    assert scene.sensor.tls_material().senders == ()
    assert [event for event, _ in scene.audited()][-2:] == ["TRUST_CHANGE", "TRUST_CHANGE"]


def test_nobody_is_named_by_a_certificate_that_nobody_is_asked_for() -> None:
    scene = SensorScene()
    scene.sensor.ensure_identity()
    assert scene.sensor.client_certificate() is ClientCertificate.OFF
    with pytest.raises(RefusedError, match="not asked"):
        scene.sensor.admit("admin", sender(fingerprint=SHA256))
