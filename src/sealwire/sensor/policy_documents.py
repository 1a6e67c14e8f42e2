"""The policy as a document: in a setting, and on its way to the store process."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from sealwire.sensor.policy import (
    ArchivePolicy,
    ClassRule,
    HostClaim,
    LegalHold,
    RetentionClass,
    SourcePattern,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def policy_document(policy: ArchivePolicy) -> dict[str, Any]:
    """``policy`` in values that JSON has."""
    return {
        "classes": [[each.name, each.days] for each in policy.classes],
        "rules": [[_pattern(each.pattern), each.retention] for each in policy.rules],
        "claims": [[_pattern(each.source), list(each.hosts)] for each in policy.claims],
        "holds": [
            [each.name, each.first.isoformat(), each.last.isoformat(), each.retention]
            for each in policy.holds
        ],
        "budget_bytes": policy.budget_bytes,
    }


def policy_from(document: Mapping[str, Any]) -> ArchivePolicy:
    """The policy that ``policy_document`` wrote."""
    return ArchivePolicy(
        classes=tuple(RetentionClass(name, days) for name, days in document["classes"]),
        rules=tuple(
            ClassRule(_pattern_from(pattern), retention) for pattern, retention in document["rules"]
        ),
        claims=tuple(
            HostClaim(_pattern_from(source), tuple(hosts)) for source, hosts in document["claims"]
        ),
        holds=tuple(
            LegalHold(name, date.fromisoformat(first), date.fromisoformat(last), retention)
            for name, first, last, retention in document["holds"]
        ),
        budget_bytes=document["budget_bytes"],
    )


def _pattern(pattern: SourcePattern) -> list[str | None]:
    network = None if pattern.network is None else str(pattern.network)
    return [network, pattern.certificate_sha256, pattern.host, pattern.san]


def _pattern_from(parts: list[str | None]) -> SourcePattern:
    network, sha256, host, san = parts
    return SourcePattern(None if network is None else ip_network(network), sha256, host, san)
