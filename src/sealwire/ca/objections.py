"""The linter's word on a certificate that is to be signed: what refuses it, what is only shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sealwire.errors import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_WAIVED: Final = "waived by the profile: "

Linter = Callable[[bytes], "Sequence[Finding]"]
"""What speaks against a certificate (DER)."""


def waived(findings: Iterable[Finding], waivers: Collection[str]) -> tuple[Finding, ...]:
    """The findings, those that ``waivers`` name no errors any more."""
    return tuple(
        replace(each, severity=Severity.WARNING, message=f"{_WAIVED}{each.message}")
        if each.code in waivers and each.severity is Severity.ERROR
        else each
        for each in findings
    )


def is_waived(finding: Finding) -> bool:
    """Whether it would be an error, had the profile not waived it."""
    return finding.message.startswith(_WAIVED)


def lint_reasons(findings: Iterable[Finding]) -> Iterator[str]:
    """Why the certificate is refused, worded like a profile's reasons."""
    for finding in findings:
        if finding.severity is Severity.ERROR:
            yield f"Lint {finding.code} {finding.message}".strip()


def lint_document(findings: Iterable[Finding]) -> str:
    """What is stored of them: a JSON array."""
    return json.dumps(
        [
            {
                "code": each.code,
                "severity": each.severity.value,
                "message": each.message,
                "subject": each.subject,
            }
            for each in findings
        ]
    )


def read_lint_document(document: str) -> tuple[Finding, ...]:
    """The findings in a stored document."""
    return tuple(
        Finding(each["code"], Severity(each["severity"]), each["message"], each["subject"])
        for each in json.loads(document)
    )
