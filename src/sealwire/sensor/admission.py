"""Senders that an operator has named: who may come in, what each may claim, how each frames.

RFC 5425 sections 4.2.2 and 5.1: by fingerprint; section 5.2: by a name in the certificate. As soon
as one sender is named by its certificate, a certificate that fits none of them is refused, however
good its chain. A sender named by its address alone says how that address frames and what it may
claim; an address is no proof, so it admits nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha1, sha256
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

from sealwire.errors import Finding, RefusedError, Severity
from sealwire.sensor.policy import HostClaim, SourcePattern
from sealwire.syslog.kinds import Framing
from sealwire.x509.hostnames import dns_name, pattern_matches
from sealwire.x509.hostnames import ip_address as address_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sealwire.sensor.journal import Connection

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
_HEX: Final = {"sha-256": 64, "sha-1": 40}
_MOST_HOSTS: Final = 1000


@dataclass(frozen=True, slots=True)
class NamedSender:
    """One sender, under a ``name`` of the operator's; all identities that are set must fit.

    ``san``: a DNS name or an address in the certificate, ``*.`` for one left-most label.
    ``fingerprint``: ``sha-256:`` or ``sha-1:`` and lower-case hex. ``hosts``: HOSTNAMEs that it may
    claim, ``*.`` for one label or more; none: every one.
    """

    name: str
    san: str | None = None
    fingerprint: str | None = None
    network: IPv4Network | IPv6Network | None = None
    hosts: tuple[str, ...] = ()
    framing: Framing = Framing.AUTO

    @property
    def by_certificate(self) -> bool:
        """Whether a certificate says that it is this sender."""
        return self.san is not None or self.fingerprint is not None

    def document(self) -> dict[str, Any]:
        """As settings and messages between processes hold it."""
        return {
            "name": self.name,
            "san": self.san,
            "fingerprint": self.fingerprint,
            "network": None if self.network is None else str(self.network),
            "hosts": list(self.hosts),
            "framing": self.framing.value,
        }


def sender_from(document: Mapping[str, Any]) -> NamedSender:
    """What ``document`` made."""
    network = document["network"]
    return NamedSender(
        document["name"],
        document["san"],
        document["fingerprint"],
        None if network is None else ip_network(network),
        tuple(document["hosts"]),
        Framing(document["framing"]),
    )


def checked_sender(
    name: str,
    *,
    san: str | None,
    fingerprint: str | None,
    network: str | None,
    hosts: Sequence[str] = (),
    framing: str = Framing.AUTO,
) -> NamedSender:
    """A sender from what a person typed. Raises RefusedError ``sender.invalid`` with all faults."""
    faults: list[Finding] = []

    def read(field: str, text: str | None, reader: Callable[[str], Any]) -> Any:  # noqa: ANN401
        try:
            return None if not text else reader(text.strip())
        except ValueError as fault:
            message = f"{field}: {fault}"
            faults.append(Finding("sender.invalid", Severity.ERROR, message, field))
            return None

    sender = NamedSender(
        read("name", name or " ", _sender_name) or "",
        read("san", san, san_name),
        read("fingerprint", fingerprint, _fingerprint),
        read("network", network, ip_network),
        tuple(filter(None, (read("host", host, _host) for host in hosts[:_MOST_HOSTS]))),
        read("framing", framing, Framing) or Framing.AUTO,
    )
    if not faults and not sender.by_certificate and sender.network is None:
        message = "nothing says who it is: give a SAN, a fingerprint or a network"
        faults.append(Finding("sender.invalid", Severity.ERROR, message, "san"))
    if not faults and sender.hosts and (sender.fingerprint or "").startswith("sha-1:"):
        message = "HOSTNAMEs are bound to SHA-256 fingerprints only: records carry that one"
        faults.append(Finding("sender.invalid", Severity.ERROR, message, "fingerprint"))
    if faults:
        words = "; ".join(fault.message for fault in faults)
        raise RefusedError("sender.invalid", f"this names no sender: {words}", findings=faults)
    return sender


class Admission:
    """What was said of all named senders. Pure, and cheap when nobody was named."""

    def __init__(self, senders: Sequence[NamedSender] = ()) -> None:
        self._senders = tuple(senders)
        self._listed = [sender for sender in senders if sender.by_certificate]
        self._framed = [sender for sender in senders if sender.framing is not Framing.AUTO]

    def objection(self, der: bytes, address: str, names: Sequence[str]) -> str | None:
        """Why a sender with this verified certificate may not come in, in plain words."""
        if not self._listed:
            return None
        prints = {f"sha-256:{sha256(der).hexdigest()}", f"sha-1:{sha1(der).hexdigest()}"}  # noqa: S324 - RFC 5425 4.2.2 wants it; who is matched was verified before
        if any(_fits(sender, prints, address, names) for sender in self._listed):
            return None
        return "it is none of the senders that were admitted"

    def framing(self, connection: Connection) -> Framing:
        """How messages of this connection are told apart."""
        for sender in self._framed:
            if _fits(
                sender,
                {f"sha-256:{connection.certificate_sha256}"},
                connection.address,
                connection.certificate_names,
            ):
                return sender.framing
        return Framing.AUTO

    def claims(self) -> tuple[HostClaim, ...]:
        """Which source may claim which HOSTNAME."""
        return tuple(
            HostClaim(
                SourcePattern(
                    sender.network,
                    (sender.fingerprint or "").removeprefix("sha-256:") or None,
                    san=sender.san,
                ),
                sender.hosts,
            )
            for sender in self._senders
            if sender.hosts
        )


def san_fits(pattern: str, names: Sequence[str]) -> bool:
    """Whether one of a certificate's ``names`` is ``pattern``; either may have the wildcard.

    RFC 5425 section 5.2: a wildcard in the certificate counts for the name that was configured.
    """
    wanted = address_of(pattern)
    if wanted is not None:
        return any(address_of(name) == wanted for name in names)
    return any(pattern_matches(pattern, name) or pattern_matches(name, pattern) for name in names)


def _fits(sender: NamedSender, prints: set[str], address: str, names: Sequence[str]) -> bool:
    if sender.fingerprint is not None and sender.fingerprint not in prints:
        return False
    if sender.san is not None and not san_fits(sender.san, names):
        return False
    return sender.network is None or ip_address(address) in sender.network


def _sender_name(text: str) -> str:
    if not _NAME.match(text):
        raise ValueError("letters, digits, dot, hyphen and underscore, at most 63")
    return text


def san_name(text: str) -> str:
    """A SAN as certificates spell it. Raises ValueError."""
    address = address_of(text)
    return str(address) if address is not None else dns_name(text).lower()


def _host(text: str) -> str:
    if not text.isprintable() or " " in text or "*" in text.removeprefix("*."):
        raise ValueError(f"{text!r} is no HOSTNAME")
    return text.lower()


def _fingerprint(text: str) -> str:
    """Colons and case do not count; without a label the length tells which one it is."""
    label, _, digits = text.lower().rpartition("sha-1:" if "sha-1:" in text.lower() else "sha-256:")
    digits = digits.replace(":", "").replace(" ", "")
    kind = "sha-1" if len(digits) == _HEX["sha-1"] else "sha-256"
    if label or len(digits) != _HEX[kind] or not re.fullmatch(r"[0-9a-f]+", digits):
        raise ValueError("64 (SHA-256) or 40 (SHA-1) hexadecimal digits are wanted")
    if "sha-" in text.lower() and not text.lower().startswith(kind):
        raise ValueError(f"the label does not fit {len(digits)} digits")
    return f"{kind}:{digits}"
