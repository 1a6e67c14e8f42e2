"""What a second pair of eyes says of a certificate, a CRL or an OCSP answer: pkilint's findings.

pkilint judges by RFC 5280, RFC 6960 and the documents they name. It is loaded at the first use,
because it takes a third of a second that no command should wait for without need; ``load`` does
it beforehand.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sealwire.errors import Finding, Severity
from sealwire.x509.subject import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FAILED: Final = "lint.failed"
"""Code of the error that stands for everything the linter could not read or judge."""

_LONGEST_MESSAGE: Final = 300


def lint_certificate(der: bytes) -> tuple[Finding, ...]:
    """What speaks against a certificate (DER), the worst first; empty when nothing does.

    Codes are pkilint's names, e.g. ``pkix.key_usage_value_prohibited_for_ec``; ``subject`` is the
    place in the structure. What cannot be judged is an error: nothing passes unread.
    """
    return _judged(der, "certificate")


def lint_crl(der: bytes) -> tuple[Finding, ...]:
    """The same of a CRL."""
    return _judged(der, "crl")


def lint_ocsp_response(der: bytes) -> tuple[Finding, ...]:
    """The same of an OCSP answer."""
    return _judged(der, "ocsp")


def load() -> None:
    """Load the linter now, so that the first certificate need not wait for it."""
    _linter("certificate")


def known_findings() -> frozenset[str]:
    """Every code that ``lint_certificate`` can give, and a waiver can name."""
    validator, _ = _linter("certificate")
    return frozenset(_codes(validator))


def _judged(der: bytes, kind: str) -> tuple[Finding, ...]:
    validator, document = _linter(kind)
    try:
        subject = document.load_der_document(der)
        results = validator.validate(subject.root)
    except Exception as fault:  # noqa: BLE001 - the linter's faults must not let a certificate pass
        text = f"{type(fault).__name__}: {fault}"
        return (Finding(FAILED, Severity.ERROR, _short(text)),)
    found = set(_findings(results))
    return tuple(sorted(found, key=lambda each: (_WEIGHTS[each.severity], each.code)))


_WEIGHTS: Final = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
_SEVERITIES: Final = {
    "FATAL": Severity.ERROR,
    "ERROR": Severity.ERROR,
    "WARNING": Severity.WARNING,
    "NOTICE": Severity.INFO,
}


def _findings(results: Iterable[Any]) -> Iterator[Finding]:
    for result in results:
        for described in result.finding_descriptions:
            severity = _SEVERITIES.get(described.finding.severity.name)
            if severity is not None:
                code, place = described.finding.code, str(result.node.path)
                yield Finding(code, severity, _short(described.message or ""), _short(place))


def _short(text: str) -> str:
    return printable(text)[:_LONGEST_MESSAGE]


def _codes(validator: Any) -> Iterator[str]:  # noqa: ANN401 - pkilint has no types
    from pkilint.validation import (  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy, see above
        ValidationFinding,
    )

    for finding in validator.validations:
        yield finding.code
    # Not every validator says all that it finds; each names its findings as constants.
    for kind in type(validator).__mro__:
        for value in vars(kind).values():
            if isinstance(value, ValidationFinding):
                yield value.code
    for inner in getattr(validator, "validators", ()):
        yield from _codes(inner)


@cache
def _linter(kind: str) -> tuple[Any, Any]:
    """The validator and the loader for one kind of document; both keep no state."""
    # Here and not above: see the module's first lines.
    from pkilint import loader  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy, see above

    if kind == "certificate":
        return _certificate_validator(), loader.RFC5280CertificateDocumentLoader()
    if kind == "crl":
        return _crl_validator(), loader.RFC5280CertificateListDocumentLoader()
    return _ocsp_validator(), loader.RFC6960OCSPResponseDocumentLoader()


def _certificate_validator() -> Any:  # noqa: ANN401 - pkilint has no types
    from pkilint.pkix import (  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy, see above
        certificate,
        extension,
        name,
    )

    return certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(
            name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS
        ),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )


def _crl_validator() -> Any:  # noqa: ANN401 - pkilint has no types
    from pkilint import pkix  # noqa: PLC0415 - heavy, see above
    from pkilint.pkix import crl, extension, name  # noqa: PLC0415 - heavy, see above

    return crl.create_pkix_crl_validator_container(
        [
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [
            crl.create_issuer_validator_container([]),
            crl.create_validity_validator_container([]),
            crl.create_extensions_validator_container([]),
        ],
    )


def _ocsp_validator() -> Any:  # noqa: ANN401 - pkilint has no types
    from pkilint import pkix  # noqa: PLC0415 - heavy, see above
    from pkilint.pkix import extension, name, ocsp  # noqa: PLC0415 - heavy, see above

    return ocsp.create_pkix_ocsp_response_validator_container(
        [
            ocsp.create_response_decoder(),
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [],
    )
