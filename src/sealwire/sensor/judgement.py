"""What the policy says of a record: its retention class, and whether its HOSTNAME may be claimed.

Who sends is known by address and certificate; HOSTNAME in a message is only a claim. Names are
compared without regard to case.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from sealwire.sensor.admission import san_fits
from sealwire.sensor.policy import DEFAULT_CLASS

if TYPE_CHECKING:
    from sealwire.sensor.journal import Connection
    from sealwire.sensor.policy import ArchivePolicy, SourcePattern

_MOST_KNOWN: Final = 100_000
_MAPPED: Final = "::ffff:"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one source's records with one HOSTNAME."""

    retention: str = DEFAULT_CLASS
    host_allowed: bool = True


class PolicyJudge:
    """Judges records by one policy; remembers what it said. For one thread."""

    def __init__(self, policy: ArchivePolicy) -> None:
        self.policy = policy
        self._known: dict[tuple[str, str | None, str | None], Verdict] = {}

    @property
    def indifferent(self) -> bool:
        """Whether it says the same of every record."""
        return not self.policy.rules and not self.policy.claims

    def verdict(self, source: Connection, host: str | None) -> Verdict:
        """Of records of ``source`` that claim ``host`` (None: none)."""
        key = source.address, source.certificate_sha256, host
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[key] = self._judged(source, host)
        return known

    def _judged(self, source: Connection, host: str | None) -> Verdict:
        retention = next(
            (rule.retention for rule in self.policy.rules if fits(rule.pattern, source, host)),
            DEFAULT_CLASS,
        )
        claims = [claim for claim in self.policy.claims if fits(claim.source, source, host)]
        allowed = host is None or not claims or any(_names(claim.hosts, host) for claim in claims)
        return Verdict(retention, allowed)


def fits(pattern: SourcePattern, source: Connection, host: str | None) -> bool:
    """Whether all that ``pattern`` names is so."""
    if pattern.network is not None:
        try:
            address = ip_address(source.address.removeprefix(_MAPPED))
        except ValueError:
            return False
        if address not in pattern.network:
            return False
    if pattern.certificate_sha256 not in {None, source.certificate_sha256}:
        return False
    if pattern.san is not None and not san_fits(pattern.san, source.certificate_names):
        return False
    return pattern.host is None or (host is not None and _names((pattern.host,), host))


def _names(patterns: tuple[str, ...], host: str) -> bool:
    host = host.lower()
    return any(_names_one(pattern.lower(), host) for pattern in patterns)


def _names_one(pattern: str, host: str) -> bool:
    """Not ``x509.hostnames.pattern_matches``: here ``*.`` stands for a whole domain.

    A HOSTNAME is what a sender likes to call itself, and need not be a DNS name at all.
    """
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) >= len(pattern)
    return host == pattern
