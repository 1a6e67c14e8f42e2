"""Findings as JSON; it stands alone because not everybody who says them serves HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sealwire.errors import Finding


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding as every listing shows it."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "subject": finding.subject,
    }
