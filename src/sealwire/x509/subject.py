"""Distinguished names: the six fields of a request form, and names as text."""

from __future__ import annotations

import re
import unicodedata
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from sealwire.errors import RefusedError
from sealwire.x509.findings import Code, error, warning
from sealwire.x509.hostnames import a_label, general_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.errors import Finding

# ISO 3166-1 alpha-2, officially assigned, and the user-assigned blocks below.
_COUNTRIES = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
    EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
    HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
    LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
    TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """.split()  # noqa: SIM905 - 249 quoted words would hide the table
)
_USER_ASSIGNED = re.compile(r"AA|ZZ|Q[M-Z]|X[A-Z]")
_TWO_LETTERS = re.compile(r"[A-Za-z]{2}\Z")
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_PLACEHOLDER = re.compile(r"[.\-\s]+\Z")

# Field of SubjectFields, attribute, most characters (RFC 5280 appendix A.1), word for people.
_FIELDS = (
    ("country", NameOID.COUNTRY_NAME, 2, "Country"),
    ("state", NameOID.STATE_OR_PROVINCE_NAME, 128, "State or province"),
    ("locality", NameOID.LOCALITY_NAME, 128, "Locality"),
    ("organization", NameOID.ORGANIZATION_NAME, 64, "Organization"),
    ("unit", NameOID.ORGANIZATIONAL_UNIT_NAME, 64, "Organizational unit"),
    ("common_name", NameOID.COMMON_NAME, 64, "Common name"),
)
_LIMITS = {oid: (limit, word) for _, oid, limit, word in _FIELDS} | {
    NameOID.EMAIL_ADDRESS: (255, "E-mail address"),
    NameOID.SERIAL_NUMBER: (64, "Serial number"),
    NameOID.TITLE: (64, "Title"),
}
_DOGTAG_WORDS = {NameOID.EMAIL_ADDRESS: "E", NameOID.SERIAL_NUMBER: "SERIALNUMBER"}
_PARSE_WORDS = {"E": NameOID.EMAIL_ADDRESS, "SERIALNUMBER": NameOID.SERIAL_NUMBER}
_WORDS = {
    NameOID.COMMON_NAME: "CN",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.COUNTRY_NAME: "C",
}
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 .:/*()'_-]*[A-Za-z0-9.)])?\Z")
_DN_WORD = re.compile(r"(?:(?<=(?<!\\)[,+])|^)[ \t]*([A-Za-z][A-Za-z0-9-]*)[ \t]*=[ \t]*")


@dataclass(frozen=True, slots=True)
class SubjectFields:
    """The fields of a CSR form, in its order; an empty string means absent."""

    country: str = ""
    state: str = ""
    locality: str = ""
    organization: str = ""
    unit: str = ""
    common_name: str = ""


def subject_name(fields: SubjectFields, *, host: bool = False) -> x509.Name:
    """The distinguished name, country first, common name last.

    The country is upper-cased; a host name as common name is put into A-labels. With ``host``
    the common name must be a host name or an IP address.
    Raises RefusedError ``subject.invalid`` with all faults at once.
    """
    found: list[Finding] = []
    pairs = [(oid, value) for oid, value in _values(fields, found) if value]
    if not any(oid == NameOID.COMMON_NAME for oid, _ in pairs):
        found.append(error(Code.NAME_MISSING, "The common name is missing."))
    elif host:
        found.extend(host_findings(fields.common_name.strip(), "The common name"))
    for oid, value in pairs:
        # Characters count in RFC 5280, octets in the library that encodes our own names.
        octets = len(value.encode("utf-8", "surrogatepass"))
        found.extend(_value_findings(oid, value, octets))
    if found:
        raise RefusedError(
            "subject.invalid",
            "The subject cannot be used: " + " ".join(fault.message for fault in found),
            findings=found,
        )
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


def _values(
    fields: SubjectFields, found: list[Finding]
) -> Iterator[tuple[x509.ObjectIdentifier, str]]:
    for field, oid, _, word in _FIELDS:
        value: str = getattr(fields, field).strip()
        if oid == NameOID.COUNTRY_NAME:
            value = value.upper()
        elif oid == NameOID.COMMON_NAME and "." in value:
            try:
                value = a_label(value)
            except ValueError as fault:
                found.append(error(Code.NAME_SYNTAX, f"{word}: {fault}."))
        if _PLACEHOLDER.match(value):
            text = f"{word} '{value}' says nothing; leave it empty."
            found.append(error(Code.FIELD_PLACEHOLDER, text))
        yield oid, value


def host_findings(text: str, what: str) -> list[Finding]:
    """What is wrong with ``text`` as a host name or IP address; empty when nothing is."""
    try:
        general_name(text)
    except ValueError as fault:
        message = f"{what} '{printable(text)}' is no host name and no IP address: {fault}."
        return [error(Code.NAME_SYNTAX, message)]
    return []


def name_findings(name: x509.Name) -> list[Finding]:
    """Faults of a name that somebody else made: lengths, country, control characters."""
    found: list[Finding] = []
    for attribute in name:
        value = attribute.value
        if isinstance(value, str):
            found.extend(_value_findings(attribute.oid, value, len(value)))
    return found


def _value_findings(oid: x509.ObjectIdentifier, value: str, length: int) -> list[Finding]:
    limit, word = _LIMITS.get(oid, (0, _word(oid)))
    found = []
    if oid == NameOID.COUNTRY_NAME:
        found.extend(country_findings(value))
    elif limit and length > limit:
        text = f"{word} has a length of {length}; {limit} is the most."
        found.append(error(Code.FIELD_TOO_LONG, text))
    if any(_is_unprintable(character) for character in value):
        text = f"{word} holds control or invisible characters: {printable(value)}"
        found.append(error(Code.FIELD_CONTROL, text))
    return found


def country_findings(value: str) -> list[Finding]:
    """Two letters, and assigned in ISO 3166-1; only the first is demanded."""
    if not _TWO_LETTERS.match(value):
        text = f"Country must be two letters (ISO 3166-1), such as US; it is '{printable(value)}'."
        return [error(Code.COUNTRY, text)]
    code = value.upper()
    if code in _COUNTRIES or _USER_ASSIGNED.match(code):
        return []
    meant = " The United Kingdom is GB." if code == "UK" else ""
    text = f"Country {code} is not assigned in ISO 3166-1.{meant}"
    return [warning(Code.COUNTRY_UNKNOWN, text)]


def _word(oid: x509.ObjectIdentifier) -> str:
    known = {NameOID.USER_ID: "User id", NameOID.DOMAIN_COMPONENT: "Domain component"}
    return known.get(oid, f"Attribute {oid.dotted_string}")


def parse_dn(text: str) -> x509.Name:
    """Read ``UID=testuser,O=Example`` (RFC 4514: most specific first, words in any case).

    Knows CN, OU, O, L, ST, C, DC, STREET, UID, E and dotted OIDs.
    Raises RefusedError ``subject.unreadable``.
    """
    # An escaped blank at the end is part of the value.
    blanks = " \t\r\n"
    trimmed = text.lstrip(blanks)
    if not trimmed.rstrip(blanks).endswith("\\"):
        trimmed = trimmed.rstrip(blanks)
    normal = _DN_WORD.sub(lambda match: match.group(1).upper() + "=", trimmed)
    try:
        with warnings.catch_warnings():
            # Lengths are judged by name_findings, in our words.
            warnings.simplefilter("ignore")
            name = x509.Name.from_rfc4514_string(normal, _PARSE_WORDS)
    except (ValueError, KeyError) as fault:
        raise RefusedError(
            "subject.unreadable",
            f"The distinguished name cannot be read: {printable(text)}",
            hint="Write it like CN=www.example.com,O=Example,C=US",
        ) from fault
    if not list(name):
        raise RefusedError("subject.unreadable", "The distinguished name is empty.")
    return name


def dn_text(name: x509.Name) -> str:
    """The name as people read it, most specific first: ``CN=www.example.com,O=Example``.

    Control and invisible characters appear as RFC 4514 hex pairs, so that the text can be
    printed anywhere and still be parsed back.
    """
    text = _plain_text(name)
    if text is None:
        text = name.rfc4514_string(_DOGTAG_WORDS)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_hex_pairs(character) for character in text)


def _plain_text(name: x509.Name) -> str | None:
    """The same for names in which nothing wants escaping, which are most and come in crowds."""
    parts = []
    for attribute in reversed(list(name)):
        value, word = attribute.value, _WORDS.get(attribute.oid)
        if word is None or not isinstance(value, str) or not _PLAIN.match(value):
            return None
        parts.append(f"{word}={value}")
    return ",".join(parts) if len(parts) == len(name.rdns) else None


def _hex_pairs(character: str) -> str:
    if not _is_unprintable(character):
        return character
    return "".join(f"\\{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _is_unprintable(character: str) -> bool:
    return unicodedata.category(character) in _UNPRINTABLE


def printable(text: str) -> str:
    r"""``text`` with everything a terminal or a log acts on spelled out, such as ``\x1b``."""
    return "".join(
        repr(character)[1:-1] if _is_unprintable(character) else character for character in text
    )


def common_names(name: x509.Name) -> tuple[str, ...]:
    """The values of every common name attribute, in their order."""
    attributes = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return tuple(value for item in attributes if isinstance(value := item.value, str))
