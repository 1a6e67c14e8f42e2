"""Advice for a request form, and the openssl commands that would do the same by hand.

Nothing here refuses: what must be refused, ``subject_name`` and ``build_csr`` refuse. Hints depend
on the kind of CA that the request is meant for.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from sealwire.x509.csr import file_stem, san_entries
from sealwire.x509.findings import Code, info, warning
from sealwire.x509.hostnames import ip_address, is_host
from sealwire.x509.keys import KeyType
from sealwire.x509.regions import FULL_NAMES, abbreviation_of
from sealwire.x509.subject import country_findings, printable, subject_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.errors import Finding
    from sealwire.x509.subject import SubjectFields


class CaKind(StrEnum):
    """Whom the request goes to."""

    SEALWIRE = "sealwire"  # the CA of this product: takes either form
    PRIVATE = "private"  # a company's own CA: takes either form
    PUBLIC_DV = "public-dv"  # a shop's certificate that proves the host name alone
    PUBLIC_OV = "public-ov"  # one that proves the organization, too
    CISCO = "cisco"  # as Cisco's guide words it: the state abbreviated


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a kind of CA wants to see. ``state``: ``full``, ``short`` or nothing."""

    state: str = ""
    unit_unused: bool = False
    only_host: bool = False
    wanted: tuple[str, ...] = ()


_WISHES: Final = {
    CaKind.SEALWIRE: _Wish(),
    CaKind.PRIVATE: _Wish(),
    # CA/B BR 7.1.2.7.2 and 7.1.2.7.4.
    CaKind.PUBLIC_DV: _Wish(state="full", unit_unused=True, only_host=True),
    CaKind.PUBLIC_OV: _Wish(state="full", unit_unused=True, wanted=("organization", "country")),
    CaKind.CISCO: _Wish(
        state="short", wanted=("country", "state", "locality", "organization", "unit")
    ),
}
_WORDS: Final = {
    "country": "Country",
    "state": "State or province",
    "locality": "Locality",
    "organization": "Organization",
    "unit": "Organizational unit",
}
_SHORT: Final = re.compile(r"[A-Za-z]{2,3}\Z")
_SUBJECT_WORDS: Final = {
    NameOID.COUNTRY_NAME: "C",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.LOCALITY_NAME: "L",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COMMON_NAME: "CN",
}
_KEY_WORDS: Final = {
    KeyType.RSA2048: "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    KeyType.RSA3072: "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
    KeyType.RSA4096: "-algorithm RSA -pkeyopt rsa_keygen_bits:4096",
    KeyType.P256: "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    KeyType.P384: "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
}


def subject_advice(fields: SubjectFields, kind: CaKind = CaKind.PRIVATE) -> list[Finding]:
    """Remarks on a filled-in form, for one kind of CA; empty fields count as left out.

    Warnings for what that CA would refuse or drop, remarks for what it would rather have. Errors
    (syntax, lengths) are not repeated here.
    """
    wish = _WISHES[kind]
    found = [fault for fault in _country(fields.country.strip()) if fault.severity != "error"]
    found += state_hint(fields.state, fields.country, kind)
    found += unit_hint(fields.unit, kind)
    if wish.only_host:
        found += [
            _unused(field)
            for field in ("organization", "locality", "state")
            if _value(fields, field)
        ]
    found += [
        info(Code.FIELD_WANTED, f"{_WORDS[field]} is empty, and this kind of CA wants it.", field)
        for field in wish.wanted
        if not _value(fields, field)
    ]
    if kind is CaKind.PUBLIC_OV and not fields.state.strip() and not fields.locality.strip():
        text = "State or locality is needed: a CA that proves the organization wants one of them."
        found.append(info(Code.FIELD_WANTED, text, "locality"))
    return found + common_name_hint(fields.common_name, kind)


def _value(fields: SubjectFields, field: str) -> str:
    value: str = getattr(fields, field)
    return value.strip()


def _country(country: str) -> list[Finding]:
    return country_findings(country) if country else []


def _unused(field: str) -> Finding:
    text = f"{_WORDS[field]} is left out of the certificate by a CA that proves only the host name."
    return info(Code.FIELD_UNUSED, text, field)


def state_hint(state: str, country: str, kind: CaKind) -> list[Finding]:
    """Whether the chosen CA wants the state abbreviated (``TX``) or in full (``Texas``)."""
    state, wish = state.strip(), _WISHES[kind].state
    if not state or not wish:
        return []
    code = country.strip().upper()
    short = bool(_SHORT.match(state)) and (
        state.isupper() or state.upper() in FULL_NAMES.get(code, {})
    )
    if wish == "full" and short:
        name = FULL_NAMES.get(code, {}).get(state.upper())
        text = "This kind of CA wants the state in full"
        text += f": {name}." if name else f", not {printable(state)}."
        return [info(Code.STATE_FORM, text, "state")]
    if wish == "short" and not short:
        known = abbreviation_of(state, code)
        text = "The guide for this kind of CA has the state abbreviated"
        text += f": {known}." if known else ", such as TX."
        return [info(Code.STATE_FORM, text, "state")]
    return []


def unit_hint(unit: str, kind: CaKind) -> list[Finding]:
    """Whether the chosen CA leaves the organizational unit out."""
    if not unit.strip() or not _WISHES[kind].unit_unused:
        return []
    text = "Public CAs leave the organizational unit out since 2022-09-01."
    return [warning(Code.FIELD_UNUSED, text, "unit")]


def common_name_hint(name: str, kind: CaKind = CaKind.PRIVATE) -> list[Finding]:
    """Whether the common name is a fully qualified host name; public CAs take nothing else."""
    name = name.strip()
    if not name or not is_host(name):
        return []
    public = kind in {CaKind.PUBLIC_DV, CaKind.PUBLIC_OV}
    if ip_address(name) is not None:
        return []
    if "." in name.rstrip("."):
        return []
    text = (
        f"{printable(name)} is no fully qualified host name, such as {printable(name)}.example.com."
    )
    if public:
        text += " Public CAs do not certify such names."
    return [warning(Code.NAME_NOT_FULL, text, "common_name")]


def openssl_commands(fields: SubjectFields, names: Sequence[str], key_type: KeyType) -> str:
    """The openssl commands that make a key and a request as ``csr new`` does; for a shell.

    Same subject, same alternative names in the same order, same kind of key, same file names.
    Raises RefusedError as ``subject_name`` and ``build_csr`` do.
    """
    subject = subject_name(fields, host=True)
    stem = file_stem(fields.common_name)
    key, csr = shlex.quote(f"{stem}.key"), shlex.quote(f"{stem}.csr")
    san = ",".join(_san_word(entry) for entry in san_entries(subject, names))
    lines = [
        f"(umask 077; openssl genpkey {_KEY_WORDS[key_type]} -out {key})",
        f"openssl req -new -utf8 -sha{_hash_bits(key_type)} -key {key} -out {csr} \\",
        f"  -subj {shlex.quote(_subject_word(subject))} \\",
        f"  -addext {shlex.quote(f'subjectAltName={san}')}",
        f"openssl req -in {csr} -noout -text -verify",
    ]
    return "\n".join(lines) + "\n"


def _hash_bits(key_type: KeyType) -> int:
    return 384 if key_type is KeyType.P384 else 256


def _san_word(entry: x509.DNSName | x509.IPAddress) -> str:
    return f"IP:{entry.value}" if isinstance(entry, x509.IPAddress) else f"DNS:{entry.value}"


def _subject_word(subject: x509.Name) -> str:
    """In the form that ``-subj`` reads: a slash before each, backslashes before special signs."""
    return "".join(
        f"/{_SUBJECT_WORDS[attribute.oid]}={_escaped(str(attribute.value))}"
        for attribute in subject
    )


def _escaped(value: str) -> str:
    return re.sub(r"([\\/+=])", r"\\\1", value)
