"""Which senders have fallen silent. Pure rules.

A sender is an address and a certificate's subject, so that a renewed certificate is no new sender.
Only one that used to send can fall silent: at least ``REGULAR_MESSAGES`` over at least
``REGULAR_NS``, or anything at all when somebody gave its address hours of its own.

For how long one has been silent is told by a clock that nobody sets; only of a sender that was not
heard since the start by the times of receipt, since no other clock runs on over a restart.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from math import inf
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

_SECOND_NS: Final = 1_000_000_000

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


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment by both clocks: ns since 1970, and monotonic seconds."""

    now_ns: int
    monotonic: float


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of a sender: messages, receipt of the first and of the last, ns.

    ``heard_at``: monotonic seconds of the last that came since the start.
    """

    messages: int
    first_ns: int
    last_ns: int
    heard_at: float | None

    def silent_ns(self, now: Moment) -> int:
        """For how long it has sent nothing."""
        if self.heard_at is None:
            return now.now_ns - self.last_ns
        return round((now.monotonic - self.heard_at) * _SECOND_NS)

    def and_also(self, other: Heard) -> Heard:
        """With what was heard of it under another certificate."""
        later = max(self, other, key=_last_in_order)
        return replace(
            later,
            messages=self.messages + other.messages,
            first_ns=min(self.first_ns, other.first_ns),
        )


def _last_in_order(one: Heard) -> tuple[float, int]:
    """Who was heard last: since the start is after all that was before."""
    return (-inf if one.heard_at is None else one.heard_at), one.last_ns


def senders(sources: Iterable[Source]) -> dict[Sender, Heard]:
    """What was heard of each sender."""
    found: dict[Sender, Heard] = {}
    for one in sources:
        if one.address == OTHER:
            continue
        key = one.address, one.certificate_subject
        heard = Heard(one.packets, one.first_ns, one.last_ns, one.heard_at)
        found[key] = heard.and_also(found[key]) if key in found else heard
    return found


def silent_now(
    heard: Mapping[Sender, Heard], policy: SilencePolicy, now: Moment
) -> dict[Sender, int]:
    """Who used to send and has been silent for too long, and when it sent last, ns since 1970."""
    found: dict[Sender, int] = {}
    for sender, one in heard.items():
        limit = policy.limit_ns(sender[0])
        expected = sender[0] in policy.sources
        regular = one.messages >= REGULAR_MESSAGES and one.last_ns - one.first_ns >= REGULAR_NS
        if (expected or regular) and limit is not None and one.silent_ns(now) > limit:
            found[sender] = one.last_ns
    return found


def silence_text(sender: Sender, silent_ns: int) -> str:
    """``192.0.2.1 (CN=a) has sent nothing for 26 hours``."""
    address, subject = sender
    who = address if subject is None else f"{address} ({subject})"
    hours = silent_ns / HOUR_NS
    told = f"{hours:.1f}" if hours < 10 else f"{hours:.0f}"  # noqa: PLR2004 - digits that matter
    return f"{who} has sent nothing for {told} hours"
