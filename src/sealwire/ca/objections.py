"""The linter's word on a certificate that is to be signed: what refuses it, what is only shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sealwire.errors import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

Linter = Callable[[bytes], "Sequence[Finding]"]
"""What speaks against a certificate (DER)."""


def waived(findings: Iterable[Finding], waivers: Collection[str]) -> tuple[Finding, ...]:
    """The findings, those that ``waivers`` name no errors any more."""
    return tuple(
        replace(each, severity=Severity.WARNING, message=f"waived by the profile: {each.message}")
        if each.code in waivers and each.severity is Severity.ERROR
        else each
        for each in findings
    )


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
