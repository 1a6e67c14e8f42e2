"""The closed list of what can be said about names, keys, requests, certificates and chains.

A code is stable: scripts and pages key on it. What a code means stands beside it here.
"""

from __future__ import annotations

from enum import StrEnum

from sealwire.errors import Finding, Severity


class Code(StrEnum):
    """Finding codes of ``sealwire.x509`` and ``sealwire.identity``."""

    # Subjects and host names
    COUNTRY = "country"  # not two letters
    COUNTRY_UNKNOWN = "country_unknown"  # two letters that ISO 3166-1 does not assign
    FIELD_TOO_LONG = "field_too_long"  # above the upper bound of RFC 5280
    FIELD_CONTROL = "field_control"  # control or invisible characters
    FIELD_PLACEHOLDER = "field_placeholder"  # only dots, dashes, blanks
    NAME_MISSING = "name_missing"  # no common name where one is needed
    NAME_SYNTAX = "name_syntax"  # neither a host name nor an IP address
    # Keys
    WEAK_KEY = "weak_key"  # too short, or of a kind that is not accepted
    KEY_EXPONENT = "key_exponent"  # an unusual RSA exponent
    KEY_UNREADABLE = "key_unreadable"  # a public or private key nobody here can read
    PASSWORD_NEEDED = "password_needed"  # noqa: S105 - a code, not a password
    # Requests
    CSR_UNREADABLE = "csr_unreadable"  # not a PKCS#10 request at all
    SIGNATURE_BROKEN = "signature_broken"  # the self-signature does not verify
    SIGNATURE_UNSUPPORTED = "signature_unsupported"  # an algorithm nobody should use
    WEAK_SIGNATURE = "weak_signature"  # SHA-1 or MD5
    DUPLICATE_EXTENSION = "duplicate_extension"  # the same extension twice
    EXTENSION_UNREADABLE = "extension_unreadable"  # an extension that does not decode
    SAN_MISSING = "san_missing"  # no subject alternative name
    # Bundles
    UNREADABLE = "unreadable"  # one block or file that does not decode
    NOTHING_FOUND = "nothing_found"  # a file without certificate, key or request
    LIMIT = "limit"  # a limit on size, count or nesting was met
    # Chains
    LEAF_MISSING = "leaf_missing"  # only CA certificates, or none
    LEAF_AMBIGUOUS = "leaf_ambiguous"  # several certificates could be meant
    KEY_MISMATCH = "key_mismatch"  # the key belongs to none, or to another certificate
    ISSUER_MISSING = "issuer_missing"  # the chain ends before a root
    ISSUER_OTHER_KEY = "issuer_other_key"  # issuer's name is there, with another key
    ROOT_UNTRUSTED = "root_untrusted"  # ends at a root that is not among the trusted ones
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    NAME_MISMATCH = "name_mismatch"  # the wanted host is not covered
    EKU_MISMATCH = "eku_mismatch"  # extended key usage does not fit the purpose
    NOT_A_CA = "not_a_ca"  # an issuer without the CA flag
    KEY_USAGE = "key_usage"  # an issuer that may not sign certificates
    VERSION_1 = "version_1"  # an X.509 v1 leaf
    NAME_CONSTRAINTS = "name_constraints"  # a CA's name constraints exclude the names
    PATH_LENGTH = "path_length"  # more CAs in the path than one of them, or the caller, allows
    CRITICAL_EXTENSION = "critical_extension"  # a critical extension that nobody understands
    PATH_REFUSED = "path_refused"  # the verifier's own reason, when no other code fits
    PATH_SKIPPED = "path_skipped"  # another path, no longer than the chosen one, does not hold
    SEARCH_LIMIT = "search_limit"  # too many possible paths
    ORDER_WRONG = "order_wrong"  # (check) certificates are not in the order that TLS needs
    REORDERED = "reordered"  # (build) found in another order than written
    DUPLICATE = "duplicate"
    STRANGER = "stranger"  # not part of the chain
    ROOT_LEFT_OUT = "root_left_out"  # not sent: the peer has it or does not trust it
    ROOT_INCLUDED = "root_included"  # (check) sent without need
    ANCHOR_FROM_BUNDLE = "anchor_from_bundle"  # trust rests on a root of the bundle itself
    SELF_SIGNED = "self_signed"  # the leaf is its own issuer
    OUTLIVES_ISSUER = "outlives_issuer"  # an issuer expires before the leaf
    STRICT_PROFILE = "strict_profile"  # the public web's profile would refuse it
    ISSUER_FETCHED = "issuer_fetched"  # an issuer was fetched from the address named
    FETCH_FAILED = "fetch_failed"  # an issuer's address did not give a certificate
    # What public CAs may do; a private one is free to do otherwise
    PUBLIC_VALIDITY = "public_validity"  # valid for longer than public CAs may issue
    PUBLIC_UNIT = "public_unit"  # an organizational unit, which public CAs leave out
    PUBLIC_CLIENT = "public_client"  # a client's certificate from a public CA
    # Hints of the request form
    STATE_FORM = "state_form"  # abbreviated or in full: the chosen kind of CA wants the other
    FIELD_UNUSED = "field_unused"  # the chosen kind of CA leaves the field out
    FIELD_WANTED = "field_wanted"  # the chosen kind of CA wants a field that is empty
    NAME_NOT_FULL = "name_not_full"  # the common name is no fully qualified host name


def error(code: Code, message: str, subject: str | None = None) -> Finding:
    """A finding that refuses."""
    return Finding(code.value, Severity.ERROR, message, subject)


def warning(code: Code, message: str, subject: str | None = None) -> Finding:
    """A finding that should be read."""
    return Finding(code.value, Severity.WARNING, message, subject)


def info(code: Code, message: str, subject: str | None = None) -> Finding:
    """A finding that explains."""
    return Finding(code.value, Severity.INFO, message, subject)


def plain_list(words: list[str] | tuple[str, ...], limit: int = 12) -> str:
    """Comma-separated, cut after ``limit`` with a count of the rest."""
    shown = ", ".join(words[:limit])
    return shown if len(words) <= limit else f"{shown} and {len(words) - limit} more"
