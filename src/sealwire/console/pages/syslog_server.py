"""*Data Sources > Integrations > Sensor Apps > Syslog Server*: the sensor's certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sealwire.access.roles import Action
from sealwire.console import certificates as shown
from sealwire.console.live import LONGEST
from sealwire.console.pages.identity import EndPages
from sealwire.console.pages.sensors import chosen_sensor
from sealwire.console.routing import post
from sealwire.errors import UsageError
from sealwire.sensor.receiving import ClientCertificate
from sealwire.x509.keys import KeyType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.responses import Response

    from sealwire.console.certificates import CertificateFacts
    from sealwire.console.visit import Visit
    from sealwire.sensor.receiving import ListenerState
    from sealwire.sensor.service import Sensor

_PAGE: Final = "/sensors/syslog-server"
_WITHIN: Final = "Data Sources > Integrations > Sensor Apps > Syslog Server"


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of the guide's trouble-shooting, answered from what is so now."""

    question: str
    good: bool
    answer: str
    fix: str = ""


def view(visit: Visit, **values: Any) -> Response:  # noqa: ANN401 - whatever the template shows
    """Certificate, key and chain boxes; below them the TLS statistics and trouble-shooting."""
    sensor = _sensor(visit)
    found = sensor.certificate.show()
    chain = shown.chain_facts(found.installed, visit.now)
    stats = sensor.stats(LONGEST)
    return visit.page(
        "syslog_server.html",
        name=visit.services.sensor_name,
        page=_PAGE,
        trouble=found.trouble,
        chain=chain,
        installed=found.installed,
        waiting=shown.waiting(found.pending),
        history=len(found.history),
        stats=stats,
        answers=list(answers(stats, sensor.listeners(), chain)),
        mode=sensor.client_certificate(),
        modes=list(ClientCertificate),
        anchors=[shown.facts(each, visit.now) for each in sensor.trust_anchors()],
        changes=visit.may(Action.CONFIGURE_SENSOR),
        form=visit.form,
        **{"report": None, "findings": (), **values},
    )


def answers(
    stats: dict[str, Any], listeners: Sequence[ListenerState], chain: Sequence[CertificateFacts]
) -> Iterator[Answer]:
    """The guide's points, one after the other."""
    yield _arriving(stats)
    yield _failing(stats)
    closed = [str(each.port) for each in listeners if not each.open]
    ports = ", ".join(str(each.port) for each in listeners) or "none"
    yield Answer(
        "Are the ports open here?",
        not closed and bool(listeners),
        f"Closed: {', '.join(closed)}" if closed else f"Open: {ports}",
        "A firewall between the sender and this machine must let these ports through.",
    )
    yield from _naming(chain)
    for trouble in stats["journal_trouble"]:
        yield Answer("Can what arrives be kept?", good=False, answer=trouble)


def _arriving(stats: dict[str, Any]) -> Answer:
    last = next(iter(stats["sources"]), None)
    if last is None:
        return Answer(
            "Is anything arriving?",
            good=False,
            answer="No packet has arrived yet.",
            fix="Does the sender use the public name or address of this machine, and a port above?",
        )
    text = f"The last packet came from {last['address']} at {last['last_seen']}."
    return Answer("Is anything arriving?", good=True, answer=text)


def _failing(stats: dict[str, Any]) -> Answer:
    failures = stats["tls_failures"]
    question = "Does TLS fail?"
    if not failures:
        return Answer(question, good=True, answer="No connection has failed at TLS.")
    newest = failures[0]
    text = f"{newest['address']}: {newest['detail']} ({newest['count']} times)"
    return Answer(question, good=False, answer=text, fix="All addresses are listed below.")


def _naming(chain: Sequence[CertificateFacts]) -> Iterator[Answer]:
    question = "Does the certificate carry the name that senders use?"
    if not chain:
        yield Answer(question, good=False, answer="There is no certificate.")
        return
    leaf = chain[0]
    yield Answer(
        question,
        bool(leaf.names),
        f"It is for {', '.join(leaf.names) or 'no name at all'}.",
        "Senders must be told one of these names, not another address of this machine.",
    )
    signed = not leaf.self_signed and leaf.state != "expired"
    text = "It has expired." if leaf.state == "expired" else "It is self-signed."
    yield Answer(
        "Will senders trust it?",
        signed,
        f"It comes from {leaf.issuer}." if signed else text,
        "Senders must trust the CA at the end of the chain.",
    )


def set_mode(visit: Visit) -> Response:
    """Whether senders must show a certificate."""
    wanted = visit.text("mode")
    if wanted not in set(ClientCertificate):
        raise UsageError("listener.client_certificate", "There is no such mode.")
    _sensor(visit).set_client_certificate(visit.actor, ClientCertificate(wanted))
    return visit.see(_address(visit), "changed")


def add_trust(visit: Visit) -> Response:
    """Accept senders' certificates that these CAs signed."""
    uploaded = next((data for _, data in visit.form.uploads("trust_file")), b"")
    pem = uploaded or visit.text("trust").encode("utf-8", "replace")
    _sensor(visit).add_trust_anchors(visit.actor, pem)
    return visit.see(_address(visit), "added")


def remove_trust(visit: Visit) -> Response:
    """No longer accept what this CA signed."""
    _sensor(visit).remove_trust_anchor(visit.actor, visit.text("sha256").partition(":")[2])
    return visit.see(_address(visit), "removed")


def _sensor(visit: Visit) -> Sensor:
    """The one that the picker in the upper right names; the first one when it names none."""
    asked = visit.query("sensor") or visit.text("sensor")
    return chosen_sensor(visit, asked or visit.services.sensor_name)


def _address(visit: Visit) -> str:
    return f"{_PAGE}?sensor={visit.services.sensor_name}"


PAGES: Final = EndPages(
    page=_PAGE,
    within=_WITHIN,
    csr_title="CSR made on the sensor",
    profile="caAuditServerCert",
    key_type=KeyType.RSA2048,
    reads=Action.READ_SENSOR,
    changes=Action.CONFIGURE_SENSOR,
    lifecycle=lambda visit: _sensor(visit).certificate,
    own_name=lambda visit: visit.services.host_name,
    show=view,
    show_import=lambda visit, report: view(visit, report=report),
    after=_address,
)
ROUTES: Final = (
    *PAGES.routes(own_import_page=False),
    post(f"{_PAGE}/client-certificate", Action.CONFIGURE_SENSOR, set_mode, again=view),
    post(f"{_PAGE}/trust", Action.CONFIGURE_SENSOR, add_trust, again=view),
    post(f"{_PAGE}/trust/remove", Action.CONFIGURE_SENSOR, remove_trust, again=view),
)
