"""A profile as Dogtag's list of policies: pairs of a default and a constraint, by plug-in.

``raw`` gives for each policy the parameters as they stand in Dogtag's own profile files; the JSON
shapes are made from them. ``profile_documents`` reads the same back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.api.dogtag.inputs import attribute, descriptor
from sealwire.ca.profiles import KeyUsageBit, Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sealwire.api.dogtag.shapes import Json, JsonObject
    from sealwire.ca.profiles import Profile

NO_CONSTRAINT: Final = "noConstraintImpl"

KEY_USAGE_PARAMETERS: Final[Mapping[str, KeyUsageBit | None]] = {
    "keyUsageDigitalSignature": KeyUsageBit.DIGITAL_SIGNATURE,
    "keyUsageNonRepudiation": KeyUsageBit.NON_REPUDIATION,
    "keyUsageKeyEncipherment": KeyUsageBit.KEY_ENCIPHERMENT,
    "keyUsageDataEncipherment": KeyUsageBit.DATA_ENCIPHERMENT,
    "keyUsageKeyAgreement": KeyUsageBit.KEY_AGREEMENT,
    "keyUsageKeyCertSign": KeyUsageBit.KEY_CERT_SIGN,
    "keyUsageCrlSign": KeyUsageBit.CRL_SIGN,
    "keyUsageEncipherOnly": None,
    "keyUsageDecipherOnly": None,
}
"""Which bit a parameter sets; the last two are never set."""

PURPOSE_OIDS: Final[Mapping[Purpose, str]] = {
    Purpose.SERVER_AUTH: "1.3.6.1.5.5.7.3.1",
    Purpose.CLIENT_AUTH: "1.3.6.1.5.5.7.3.2",
    Purpose.EMAIL_PROTECTION: "1.3.6.1.5.5.7.3.4",
    Purpose.OCSP_SIGNING: "1.3.6.1.5.5.7.3.9",
}


@dataclass(frozen=True, slots=True)
class Plugin:
    """A default or a constraint: Dogtag's class, its name and words, its parameters as text."""

    class_id: str
    name: str
    text: str
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy. ``values``: name, syntax and description of what it puts into a certificate."""

    policy_id: str
    default: Plugin
    constraint: Plugin
    values: tuple[tuple[str, str, str], ...] = ()


_NOTHING: Final = Plugin(NO_CONSTRAINT, "No Constraint", "No Constraint")


def policies(profile: Profile) -> list[Policy]:
    """The profile's policies under the numbers that Dogtag's own profiles use."""
    return list(_policies(profile))


def _policies(profile: Profile) -> Iterator[Policy]:
    yield _subject(profile)
    yield _validity(profile)
    yield _key(profile)
    yield Policy(
        "4",
        Plugin(
            "authorityKeyIdentifierExtDefaultImpl",
            "Authority Key Identifier Default",
            "Names the key that signs the certificate.",
        ),
        _NOTHING,
        (("critical", "string", "Criticality"), ("keyid", "string", "Key ID")),
    )
    if profile.defaults.basic_constraints is not None:
        yield _basic_constraints(profile)
    yield _key_usage(profile)
    if profile.defaults.extended_key_usage is not None:
        yield _extended_key_usage(profile)
    yield _signing(profile)
    if profile.defaults.names.from_common_name:
        default = Plugin(
            "commonNameToSANDefaultImpl",
            "Copy Common Name to Subject Alternative Name Extension",
            "Copies the common name to the subject alternative names.",
        )
        yield Policy("12", default, _NOTHING)
    yield from _other_names(profile)
    yield from _uniqueness(profile)


def _subject(profile: Profile) -> Policy:
    pattern = profile.constraints.subject.pattern
    return Policy(
        "1",
        Plugin(
            "userSubjectNameDefaultImpl",
            "Subject Name Default",
            "Takes the subject name from the request.",
        ),
        Plugin(
            "subjectNameConstraintImpl",
            "Subject Name Constraint",
            f"This constraint accepts the subject name that matches {pattern}",
            (("pattern", pattern),),
        ),
        (("name", "string", "Subject Name"),),
    )


def _validity(profile: Profile) -> Policy:
    days, most = profile.defaults.validity.days, profile.constraints.validity.maximum_days
    return Policy(
        "2",
        Plugin(
            "validityDefaultImpl",
            "Validity Default",
            f"Makes the certificate valid for {days} days.",
            (("range", str(days)), ("rangeUnit", "day"), ("startTime", "0")),
        ),
        Plugin(
            "validityConstraintImpl",
            "Validity Constraint",
            f"Accepts {most} days at most.",
            (("range", str(most)), ("notBeforeCheck", "false"), ("notAfterCheck", "false")),
        ),
        (("notBefore", "string", "Not Before"), ("notAfter", "string", "Not After")),
    )


def _key(profile: Profile) -> Policy:
    key = profile.constraints.key
    kinds = [name for name, allowed in (("RSA", key.rsa), ("EC", key.ec)) if allowed]
    # Dogtag's word for either kind is "-".
    kind = kinds[0] if len(kinds) == 1 else "-"
    allowed = ",".join([*(str(size) for size in key.rsa), *key.ec])
    return Policy(
        "3",
        Plugin("userKeyDefaultImpl", "Key Default", "Takes the key from the request."),
        Plugin(
            "keyConstraintImpl",
            "Key Constraint",
            f"Accepts keys of type {kind}: {allowed}.",
            (("keyType", kind), ("keyParameters", allowed)),
        ),
        (
            ("TYPE", "string", "Key Type"),
            ("LEN", "string", "Key Length"),
            ("KEY", "string", "Key"),
        ),
    )


def _basic_constraints(profile: Profile) -> Policy:
    rules = profile.defaults.basic_constraints
    length = "-1" if rules is None or rules.path_length is None else str(rules.path_length)
    parameters = (
        ("basicConstraintsCritical", "true"),
        ("basicConstraintsIsCA", "true"),
        ("basicConstraintsPathLen", length),
    )
    values = (
        ("basicConstraintsCritical", "boolean", "Criticality"),
        ("basicConstraintsIsCA", "boolean", "Is CA"),
        ("basicConstraintsPathLen", "integer", "Path Length"),
    )
    default = Plugin(
        "basicConstraintsExtDefaultImpl",
        "Basic Constraints Extension Default",
        "Makes a CA of the subject.",
        parameters,
    )
    return Policy("5", default, _NOTHING, values)


def _key_usage(profile: Profile) -> Policy:
    usage = profile.defaults.key_usage
    bits = set(usage.rsa) | set(usage.ec)
    parameters = (
        ("keyUsageCritical", _word(usage.critical)),
        *((name, _word(bit in bits)) for name, bit in KEY_USAGE_PARAMETERS.items()),
    )
    values = tuple((name, "boolean", name.removeprefix("keyUsage")) for name, _ in parameters)
    return Policy(
        "6",
        Plugin(
            "keyUsageExtDefaultImpl",
            "Key Usage Default",
            "Says what the key may be used for, as far as a key of its type can be.",
            parameters,
        ),
        Plugin(
            "keyUsageExtConstraintImpl",
            "Key Usage Extension Constraint",
            "Accepts the default only.",
            parameters,
        ),
        values,
    )


def _extended_key_usage(profile: Profile) -> Policy:
    rules = profile.defaults.extended_key_usage
    purposes = rules.purposes if rules else ()
    parameters = (
        ("exKeyUsageCritical", _word(rules is not None and rules.critical)),
        ("exKeyUsageOIDs", ",".join(PURPOSE_OIDS[purpose] for purpose in purposes)),
    )
    return Policy(
        "7",
        Plugin(
            "extendedKeyUsageExtDefaultImpl",
            "Extended Key Usage Extension Default",
            "Says what the certificate is for.",
            parameters,
        ),
        _NOTHING,
        (
            ("exKeyUsageCritical", "boolean", "Criticality"),
            ("exKeyUsageOIDs", "string_list", "Comma-Separated list of Object Identifiers"),
        ),
    )


def _signing(profile: Profile) -> Policy:
    allowed = ",".join(profile.constraints.signing.algorithms)
    return Policy(
        "8",
        Plugin(
            "signingAlgDefaultImpl",
            "Signing Alg",
            "Signs as the CA's key does.",
            (("signingAlg", "-"),),
        ),
        Plugin(
            "signingAlgConstraintImpl",
            "Signing Algorithm Constraint",
            f"Accepts {allowed}.",
            (("signingAlgsAllowed", allowed),),
        ),
        (("signingAlg", "choice", "Signing Algorithm"),),
    )


def _other_names(profile: Profile) -> Iterator[Policy]:
    names = profile.defaults.names
    if names.from_request:
        default = Plugin(
            "userExtensionDefaultImpl",
            "User Supplied Extension Default",
            "Takes alternative names from the request.",
            (("userExtOID", "2.5.29.17"),),
        )
        yield Policy("9", default, _NOTHING)
    if names.from_requestor_email:
        parameters = (
            ("subjAltExtType_0", "RFC822Name"),
            ("subjAltExtPattern_0", "$request.requestor_email$"),
            ("subjAltExtGNEnable_0", "true"),
            ("subjAltNameNumGNs", "1"),
            ("subjAltNameExtCritical", "false"),
        )
        default = Plugin(
            "subjectAltNameExtDefaultImpl",
            "Subject Alt Name Extension Default",
            "Adds the requestor's e-mail address to the alternative names.",
            parameters,
        )
        yield Policy("10", default, _NOTHING)


def _uniqueness(profile: Profile) -> Iterator[Policy]:
    default = Plugin("noDefaultImpl", "No Default", "No Default")
    for number, rule, name in (
        ("11", profile.constraints.subject, "SubjectName"),
        ("13", profile.constraints.key, "Key"),
    ):
        if rule.unique:
            text = "Accepts what no other certificate has."
            constraint = Plugin(f"unique{name}ConstraintImpl", f"Unique {name} Constraint", text)
            yield Policy(number, default, constraint)


def _word(value: bool) -> str:  # noqa: FBT001 - a converter
    return "true" if value else "false"


def policy_json(policy: Policy, given: Mapping[str, str] | None = None) -> JsonObject:
    """A policy in JSON; ``given`` fills in what the certificate would hold.

    Constraints stand there twice: ``constraints`` is what Dogtag's servers say, ``constraint``
    with an ``id`` what its Python client reads.
    """
    default, constraint = policy.default, policy.constraint
    return {
        "id": policy.policy_id,
        "def": {
            "name": default.name,
            "classId": default.class_id,
            "text": default.text,
            "attributes": [
                attribute(*value, None if given is None else given.get(value[0], ""))
                for value in policy.values
            ],
            "params": [{"name": name, "value": value} for name, value in default.parameters],
        },
        "constraint": {
            "name": constraint.name,
            "classId": constraint.class_id,
            "text": constraint.text,
            "constraints": [
                {"name": name, "value": value, "descriptor": _described(name)}
                for name, value in constraint.parameters
            ],
            "constraint": [
                {"id": name, "value": value, "descriptor": _described(name)}
                for name, value in constraint.parameters
            ],
        },
    }


_SYNTAX: Final[Mapping[str, tuple[str, str]]] = {
    "pattern": ("string", "Subject Name Pattern"),
    "range": ("integer", "Validity Range (in days)"),
    "keyType": ("choice", "Key Type"),
    "keyParameters": ("string", "Key Lengths or Curves"),
    "signingAlgsAllowed": ("string", "Allowed Signing Algorithms"),
}


def _described(name: str) -> JsonObject:
    return descriptor(*_SYNTAX.get(name, ("boolean", name)))


def policy_list(profile: Profile, given: Mapping[str, str] | None = None) -> list[Json]:
    """All policies of ``profile`` in JSON."""
    return [policy_json(policy, given) for policy in policies(profile)]
