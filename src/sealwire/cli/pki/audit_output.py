"""The audit configuration and its files in Dogtag's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sealwire.cli.pki.reading import total_of, understood
from sealwire.cli.pki_output import listing, said

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINES: Final = (
    ("Status", ("Status", "status")),
    ("Signed", ("Signed", "signed")),
    ("Interval (seconds)", ("Interval", "interval")),
    ("Buffer size (bytes)", ("bufferSize", "BufferSize")),
)
"""What is shown, and the names that servers of several ages give it."""


def audit_configuration(document: Mapping[str, Any]) -> str:
    """The server's ``AuditConfig``; what it does not say is left out."""
    with understood("an audit configuration"):
        lines = []
        for label, names in _LINES:
            value = next((document[n] for n in names if document.get(n) is not None), None)
            if value is not None:
                lines.append(f"  {label}: {said(value)}")
        lines.append("  Events:")
        lines += [f"    {said(name)}: {said(value)}" for name, value in _events(document).items()]
        return "\n".join(lines) + "\n"


def audit_files_found(document: Mapping[str, Any]) -> str:
    """Answer of ``ca-audit-file-find``."""
    with understood("a list of audit files"):
        blocks = [
            f"  File name: {said(entry['name'])}\n  Size: {said(entry.get('size'))}\n"
            for entry in document.get("entries") or ()
        ]
        return listing(blocks, total_of(document))


def _events(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """By name; servers up to 10 wrap them in a list."""
    events = document.get("Events") or {}
    wrapped = events.get("Event")
    if isinstance(wrapped, list):
        return {str(each["name"]): each["value"] for each in wrapped}
    return dict(events)
