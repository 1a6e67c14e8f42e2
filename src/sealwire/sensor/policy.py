"""What the store process is told to do with records: retention, holds, claims, budget.

Values only; the use cases that change them keep them in settings and audit each change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import date
    from ipaddress import IPv4Network, IPv6Network

DEFAULT_CLASS: Final = "default"


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """How long records of a class are kept: whole days of receipt, UTC; None: for ever."""

    name: str
    days: int | None = None


@dataclass(frozen=True, slots=True)
class SourcePattern:
    """Which records a rule is about: all that are set must fit; nothing set fits every record.

    ``host`` may begin with ``*.``, which stands for one label or more. ``san``: a DNS name or an
    address in the sender's certificate, with ``*.`` for one left-most label.
    """

    network: IPv4Network | IPv6Network | None = None
    certificate_sha256: str | None = None
    host: str | None = None
    san: str | None = None


@dataclass(frozen=True, slots=True)
class ClassRule:
    """Records that fit belong to a class; the first rule that fits counts."""

    pattern: SourcePattern
    retention: str


@dataclass(frozen=True, slots=True)
class HostClaim:
    """Which HOSTNAMEs a source may claim. A source without any claim rule may claim every one."""

    source: SourcePattern
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LegalHold:
    """Days of receipt that are not deleted until it is released; ``retention`` None: every class.

    Who set it, when and why stand beside it in the settings and in the audit trail.
    """

    name: str
    first: date
    last: date
    retention: str | None = None


@dataclass(frozen=True, slots=True)
class ArchivePolicy:
    """All of it. ``budget_bytes``: segments and index may take this much of the disk; None: all.

    Over budget the oldest days that no hold covers are deleted first; when there are none, an
    alarm is raised and records are still taken.
    """

    classes: tuple[RetentionClass, ...] = (RetentionClass(DEFAULT_CLASS),)
    rules: tuple[ClassRule, ...] = ()
    claims: tuple[HostClaim, ...] = ()
    holds: tuple[LegalHold, ...] = ()
    budget_bytes: int | None = None
