"""What the library's verifier says, sorted under our codes and put into plain words."""

from __future__ import annotations

import re
from typing import Final

from cryptography import x509

from sealwire.x509.findings import Code

STRICT: Final = "the strict profile: "

_ODD_KEY = (
    "a CA in it has a key of a kind that TLS verifiers do not take; RSA and EC keys are taken"
)
_ODD_SIGNATURE = (
    "a certificate in it is signed in a way that TLS verifiers do not take;"
    " RSA or ECDSA with SHA-256 is taken"
)
# Words in lower case, the code, and plainer words where they help.
_WORDS: Final = (
    (
        "no permitted name constraints matched",
        Code.NAME_CONSTRAINTS,
        "it may issue for certain names only, and the certificate has others",
    ),
    (
        "excluded name constraint matched",
        Code.NAME_CONSTRAINTS,
        "it may not issue for a name that the certificate has",
    ),
    ("name constraint", Code.NAME_CONSTRAINTS, ""),
    ("nameconstraints", Code.NAME_CONSTRAINTS, ""),
    (
        "path length constraint",
        Code.PATH_LENGTH,
        "a CA in it allows fewer CAs below itself than there are",
    ),
    ("exceeds max depth", Code.PATH_LENGTH, "it has more intermediates than are allowed here"),
    (
        "unaccounted-for critical extension",
        Code.CRITICAL_EXTENSION,
        "it has a critical extension that nobody here understands",
    ),
    ("forbidden public key algorithm", Code.WEAK_KEY, _ODD_KEY),
    ("forbidden signature algorithm", Code.SIGNATURE_UNSUPPORTED, _ODD_SIGNATURE),
)
_EXTENSION: Final = re.compile(r"invalid extension: ([0-9.]+): (.+)")
_EXTENSION_FAULTS: Final = {
    "certificate is missing required extension": "is missing",
    "certificate extension has incorrect criticality": "is critical, or is not, against the rule",
    "certificate contains prohibited extension": "must not be there",
}


def plain_refusal(words: str) -> tuple[Code, str]:
    """The code and plain words for a refusal; its own words where nothing plainer is known."""
    if words.startswith(STRICT):
        return Code.STRICT_PROFILE, words
    lower = words.lower()
    for part, code, plain in _WORDS:
        if part in lower:
            return code, plain or words
    return Code.PATH_REFUSED, plain_extension(words)


def plain_extension(words: str) -> str:
    """A remark about an extension with the extension's name in place of its number."""
    match = _EXTENSION.match(words)
    if match is None:
        return words
    number, fault = match.group(1), match.group(2).rstrip(".").lower()
    name = x509.ObjectIdentifier(number)._name  # noqa: SLF001 - no public spelling exists
    return f"the extension {name} ({number}) {_EXTENSION_FAULTS.get(fault, fault)}"
