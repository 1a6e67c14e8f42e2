"""Which senders have fallen silent. Pure rules.

A sender is an address and a certificate's subject, so that a renewed certificate is no new sender.
Only one that used to send can fall silent: at least ``REGULAR_MESSAGES`` over at least
``REGULAR_NS``, or anything at all when somebody gave its address hours of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from sealwire.errors import NotFoundError, RefusedError
from sealwire.sensor.sources import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sealwire.sensor.sources import Source

REGULAR_MESSAGES: Final = 10
HOUR_NS: Final = 3_600_000_000_000
REGULAR_NS: Final = HOUR_NS
DEFAULT_HOURS: Final = 24.0
LONGEST_HOURS: Final = 24.0 * 366
MOST_OVERRIDES: Final = 1_000

Sender = tuple[str, str | None]
"""Address, and the subject of its certificate."""


@dataclass(frozen=True, slots=True)
class SilencePolicy:
    """After how many hours of silence an alarm is raised; 0: never. ``sources``: by address."""

    hours: float = DEFAULT_HOURS
    sources: Mapping[str, float] = field(default_factory=dict)

    def limit_ns(self, address: str) -> int | None:
        """How long this address may be silent; None: for ever."""
        hours = self.sources.get(address, self.hours)
        return round(hours * HOUR_NS) if hours else None

    def having(self, hours: float, address: str | None = None) -> SilencePolicy:
        """The policy with ``hours`` for one address, or for all that have none of their own.

        Raises RefusedError ``silence.hours``, ``silence.address``, ``silence.too_many``.
        """
        if not 0 <= hours <= LONGEST_HOURS:
            raise RefusedError(
                "silence.hours",
                f"hours of silence are between 0 (never an alarm) and {LONGEST_HOURS:.0f}",
            )
        if address is None:
            return replace(self, hours=hours)
        address = _checked(address)
        if address not in self.sources and len(self.sources) >= MOST_OVERRIDES:
            raise RefusedError(
                "silence.too_many", f"at most {MOST_OVERRIDES} sources have hours of their own"
            )
        return replace(self, sources={**self.sources, address: hours})

    def without(self, address: str) -> SilencePolicy:
        """The policy without hours of its own for an address. Raises NotFoundError."""
        if address not in self.sources:
            raise NotFoundError("silence.unknown", f"{address} has no hours of its own")
        left = {one: hours for one, hours in self.sources.items() if one != address}
        return replace(self, sources=left)


def _checked(address: str) -> str:
    """An address as sources show theirs."""
    try:
        return str(ip_address(address.strip()))
    except ValueError:
        raise RefusedError(
            "silence.address",
            f"{address} is no IP address",
            hint="sealwire sensor sources shows the addresses of those that send",
        ) from None


def silence_document(policy: SilencePolicy) -> dict[str, Any]:
    """The policy as ``sensor silence list --json`` shows it, and as the setting keeps it."""
    sources = [{"address": one, "hours": policy.sources[one]} for one in sorted(policy.sources)]
    return {"hours": policy.hours, "sources": sources}


def silence_from(document: Mapping[str, Any]) -> SilencePolicy:
    """The policy that ``silence_document`` wrote."""
    sources = {one["address"]: one["hours"] for one in document["sources"]}
    return SilencePolicy(document["hours"], sources)


def senders(sources: Iterable[Source]) -> dict[Sender, tuple[int, int, int]]:
    """Of each sender: messages, receipt of the first and of the last, ns."""
    found: dict[Sender, tuple[int, int, int]] = {}
    for one in sources:
        if one.address == OTHER:
            continue
        key = one.address, one.certificate_subject
        packets, first, last = found.get(key, (0, one.first_ns, 0))
        found[key] = packets + one.packets, min(first, one.first_ns), max(last, one.last_ns)
    return found


def silent_now(sources: Iterable[Source], policy: SilencePolicy, now_ns: int) -> dict[Sender, int]:
    """Who used to send and has been silent for too long, and when it sent last."""
    found: dict[Sender, int] = {}
    for sender, (packets, first, last) in senders(sources).items():
        limit = policy.limit_ns(sender[0])
        expected = sender[0] in policy.sources
        regular = expected or (packets >= REGULAR_MESSAGES and last - first >= REGULAR_NS)
        if regular and limit is not None and now_ns - last > limit:
            found[sender] = last
    return found


def silence_text(sender: Sender, silent_ns: int) -> str:
    """``192.0.2.1 (CN=a) has sent nothing for 26 hours``."""
    address, subject = sender
    who = address if subject is None else f"{address} ({subject})"
    hours = silent_ns / HOUR_NS
    told = f"{hours:.1f}" if hours < 10 else f"{hours:.0f}"  # noqa: PLR2004 - digits that matter
    return f"{who} has sent nothing for {told} hours"
