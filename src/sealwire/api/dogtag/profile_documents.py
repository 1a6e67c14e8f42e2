"""Dogtag's profile data read back into a profile: what its plug-ins say, in our words.

Only plug-ins that can be carried out are known, and every other one is refused by its name: a
policy that is read over would be a rule that is not kept. What an allowed list has too much (weak
keys, algorithms that this CA does not have) is left out, which only makes the rule narrower.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from sealwire.api.dogtag import bodies
from sealwire.api.dogtag.policies import KEY_USAGE_PARAMETERS, PURPOSE_OIDS
from sealwire.ca.profile_words import EC_KEY_USAGE, RSA_KEY_USAGE
from sealwire.ca.profiles import EllipticCurve, Input, Profile, SigningAlgorithm, profile_document
from sealwire.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealwire.api.dogtag.shapes import Json, JsonObject

Parameters = Mapping[str, str]
Tables = dict[str, Any]
"""A profile's tables, as its TOML document has them."""


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """One policy as it was sent: classes, and parameters as text."""

    policy_id: str
    default_class: str
    default: Parameters
    constraint_class: str
    constraint: Parameters


class _Fault(Exception):  # noqa: N818 - collected, never seen outside
    """Why a policy cannot be carried out."""


def document_of(body: JsonObject, base: Profile | None) -> str:
    """The TOML document that says what ``body`` (a ProfileData) says.

    ``base`` is the profile that it changes: what Dogtag's shape cannot express stays as it is
    there. Raises RefusedError ``profile.invalid`` with every fault, UsageError for a wrong shape.
    """
    return profile_document(profile_of(body, base))


def profile_of(body: JsonObject, base: Profile | None) -> Profile:
    """The same as a profile; that it does not contradict itself is not judged here."""
    set_name, policies = _policy_set(body)
    tables = _start(base)
    tables["profile_id"] = bodies.text(body, "id") or (base.profile_id if base else "")
    tables["name"] = bodies.text(body, "name") or ""
    tables["description"] = bodies.text(body, "description") or ""
    tables["visible"] = bodies.flag(body, "visible")
    tables["policy_set"] = set_name or (base.policy_set if base else "serverCertSet")
    faults: list[str] = []
    faults += _unkept_promises(body)
    tables["inputs"] = list(_inputs(body, faults))
    for policy in policies:
        _apply(tables, policy, faults)
    _split_key_usage(tables, base)
    if not faults:
        try:
            return Profile.model_validate_json(json.dumps(tables))
        except ValidationError as invalid:
            faults += (
                f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"
                for error in invalid.errors(include_url=False, include_input=False)
            )
    raise RefusedError("profile.invalid", f"Invalid profile data: {'; '.join(faults)}")


def _start(base: Profile | None) -> Tables:
    """What holds where no policy says otherwise: of ``base``, or the narrowest there is."""
    if base is None:
        return {
            "constraints": {
                "subject": {"pattern": ".*"},
                "validity": {"maximum_days": 365},
                "key": {"rsa": [2048, 3072, 4096], "ec": [*EllipticCurve]},
                "signing": {"algorithms": [*SigningAlgorithm]},
            },
            "defaults": {
                "validity": {"days": 180},
                "key_usage": {"critical": True, "bits": ["digitalSignature"]},
                "extended_key_usage": {"critical": False, "purposes": ["clientAuth"]},
                "names": {},
            },
        }
    tables: Tables = base.model_dump(mode="json", exclude_none=True)
    defaults = tables["defaults"]
    defaults.pop("basic_constraints", None)
    defaults.pop("extended_key_usage", None)
    names = defaults.setdefault("names", {})
    names.update(from_common_name=False, from_requestor_email=False, from_request=[])
    for rule in ("subject", "key"):
        tables["constraints"][rule]["unique"] = False
    usage = base.defaults.key_usage
    defaults["key_usage"] = {"critical": usage.critical, "bits": [*usage.rsa, *usage.ec]}
    defaults["_kinds"] = [*base.defaults.names.from_request]
    return tables


def _unkept_promises(body: JsonObject) -> Iterator[str]:
    """What decides in Dogtag who gets a certificate without an agent, or who may ask at all."""
    for name in ("authenticatorId", "authzAcl"):
        if bodies.text(body, name):
            yield f"{name}: cannot be carried out"
    if bodies.flag(body, "renewal"):
        yield "renewal: cannot be carried out"


def _inputs(body: JsonObject, faults: list[str]) -> Iterator[str]:
    classes = (bodies.text(each, "ClassID", "classId") for each in _given_inputs(body))
    for name in dict.fromkeys(classes):
        if name in set(Input):
            yield str(name)
        else:
            faults.append(f"input {name}: no such plug-in")


def _given_inputs(body: JsonObject) -> list[JsonObject]:
    return bodies.objects(body, "Input", "inputs")


def _policy_set(body: JsonObject) -> tuple[str, list[ReadPolicy]]:
    """The one policy set, in the shape of Dogtag's Python client or of its servers."""
    sets = {
        bodies.text(each, "id") or "": bodies.objects(each, "value")
        for each in bodies.objects(bodies.inner(body, "PolicySets"), "PolicySet")
    }
    if not sets:
        newer = bodies.inner(body, "policySets")
        sets = {name: bodies.objects(newer, name) for name in newer}
    if len(sets) > 1:
        raise RefusedError("profile.invalid", "Invalid profile data: more than one policy set")
    for name, policies in sets.items():
        return name, [_read(policy) for policy in policies]
    return "", []


def _read(policy: JsonObject) -> ReadPolicy:
    default, constraint = bodies.inner(policy, "def"), bodies.inner(policy, "constraint")
    # What the Python client changed stands under ``constraint``, which we send beside the other.
    values = bodies.objects(constraint, "constraint") or bodies.objects(constraint, "constraints")
    return ReadPolicy(
        policy_id=bodies.text(policy, "id") or "?",
        default_class=bodies.text(default, "classId") or "noDefaultImpl",
        default=_parameters(bodies.objects(default, "params")),
        constraint_class=bodies.text(constraint, "classId") or "noConstraintImpl",
        constraint=_parameters(values),
    )


def _parameters(entries: list[JsonObject]) -> Parameters:
    return {bodies.text(entry, "id", "name") or "": _word(entry.get("value")) for entry in entries}


def _word(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


# --- one policy at a time ------------------------------------------------------------------------


def _apply(tables: Tables, policy: ReadPolicy, faults: list[str]) -> None:
    for kind, name, parameters, plugins in (
        ("default", policy.default_class, policy.default, _DEFAULTS),
        ("constraint", policy.constraint_class, policy.constraint, _CONSTRAINTS),
    ):
        where = f"policy {policy.policy_id}, {kind} {name}"
        plugin = plugins.get(name)
        if plugin is None:
            faults.append(f"{where}: no such plug-in")
            continue
        known, carry_out = plugin
        strange = sorted(
            each
            for each, value in parameters.items()
            if each not in known and value.lower() not in _SAYS_NOTHING
        )
        faults += (f"{where}: cannot carry out {each}" for each in strange)
        try:
            carry_out(tables, parameters)
        except _Fault as fault:
            faults.append(f"{where}: {fault}")


_SAYS_NOTHING: Final = frozenset({"", "-", "0", "false"})


def _nothing(_tables: Tables, _parameters: Parameters) -> None:
    """It is so in every profile."""


def _days(parameters: Parameters) -> int:
    if parameters.get("rangeUnit", "") not in {"", "day"}:
        raise _Fault("rangeUnit is day")
    return _number(parameters, "range")


def _number(parameters: Parameters, name: str) -> int:
    text = parameters.get(name, "")
    if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
        raise _Fault(f"{name} is no number")
    return int(text[:10])


def _list(parameters: Parameters, name: str) -> list[str]:
    return [word for word in parameters.get(name, "").replace(" ", "").split(",") if word]


def _true(parameters: Parameters, name: str) -> bool:
    return parameters.get(name, "").lower() == "true"


def _validity(tables: Tables, parameters: Parameters) -> None:
    tables["defaults"]["validity"] = {"days": _days(parameters)}


def _validity_limit(tables: Tables, parameters: Parameters) -> None:
    tables["constraints"]["validity"] = {"maximum_days": _days(parameters)}


def _subject_pattern(tables: Tables, parameters: Parameters) -> None:
    tables["constraints"]["subject"]["pattern"] = parameters.get("pattern", "")


def _unique_subject(tables: Tables, _parameters: Parameters) -> None:
    tables["constraints"]["subject"]["unique"] = True


def _unique_key(tables: Tables, _parameters: Parameters) -> None:
    tables["constraints"]["key"]["unique"] = True


def _keys(tables: Tables, parameters: Parameters) -> None:
    kind = parameters.get("keyType", "-")
    allowed = _list(parameters, "keyParameters")
    sizes = [int(word[:6]) for word in allowed if word.isascii() and word.isdigit()]
    key = tables["constraints"]["key"]
    key["rsa"] = [size for size in sizes if size >= _WEAKEST] if kind in {"RSA", "-"} else []
    key["ec"] = [curve for curve in EllipticCurve if curve in allowed and kind in {"EC", "-"}]
    if kind not in {"RSA", "EC", "-"}:
        raise _Fault("keyType is RSA, EC or -")


_WEAKEST: Final = 2048


def _algorithms(tables: Tables, parameters: Parameters) -> None:
    allowed = _list(parameters, "signingAlgsAllowed")
    algorithms = [each for each in SigningAlgorithm if each in allowed]
    tables["constraints"]["signing"] = {"algorithms": algorithms}


def _key_usage(tables: Tables, parameters: Parameters) -> None:
    unknown = [n for n, bit in KEY_USAGE_PARAMETERS.items() if bit is None and _true(parameters, n)]
    if unknown:
        raise _Fault(f"cannot carry out {', '.join(unknown)}")
    bits = [bit.value for n, bit in KEY_USAGE_PARAMETERS.items() if bit and _true(parameters, n)]
    tables["defaults"]["key_usage"] = {
        "critical": _true(parameters, "keyUsageCritical"),
        "bits": bits,
    }


def _extended_key_usage(tables: Tables, parameters: Parameters) -> None:
    by_oid = {oid: purpose.value for purpose, oid in PURPOSE_OIDS.items()}
    given = _list(parameters, "exKeyUsageOIDs")
    unknown = [oid for oid in given if oid not in by_oid]
    if unknown:
        raise _Fault(f"no such purpose: {', '.join(unknown)}")
    tables["defaults"]["extended_key_usage"] = {
        "critical": _true(parameters, "exKeyUsageCritical"),
        "purposes": [by_oid[oid] for oid in given],
    }


def _authority(tables: Tables, parameters: Parameters) -> None:
    if not _true(parameters, "basicConstraintsIsCA"):
        return
    length = _number(parameters, "basicConstraintsPathLen")
    tables["defaults"]["basic_constraints"] = {} if length < 0 else {"path_length": length}


def _common_name(tables: Tables, _parameters: Parameters) -> None:
    tables["defaults"]["names"]["from_common_name"] = True


def _requested_names(tables: Tables, parameters: Parameters) -> None:
    if parameters.get("userExtOID") != "2.5.29.17":
        raise _Fault("only alternative names (2.5.29.17) are taken from a request")
    kinds = tables["defaults"].get("_kinds") or ["dns", "ip"]
    tables["defaults"]["names"]["from_request"] = kinds


def _requestor_email(tables: Tables, parameters: Parameters) -> None:
    wanted = {
        "subjAltExtType_0": "RFC822Name",
        "subjAltExtPattern_0": "$request.requestor_email$",
        "subjAltNameNumGNs": "1",
    }
    if any(parameters.get(name) != value for name, value in wanted.items()):
        raise _Fault("only the requestor's e-mail address can be added")
    tables["defaults"]["names"]["from_requestor_email"] = True


_USAGES: Final = frozenset({"keyUsageCritical", *KEY_USAGE_PARAMETERS})
_AIA: Final = frozenset(
    {
        "authInfoAccessADEnable_0",
        "authInfoAccessADLocationType_0",
        "authInfoAccessADMethod_0",
        "authInfoAccessNumADs",
    }
)
_Plugins = Mapping[str, "tuple[frozenset[str], Callable[[Tables, Parameters], None]]"]

_DEFAULTS: Final[_Plugins] = {
    "noDefaultImpl": (frozenset(), _nothing),
    "userSubjectNameDefaultImpl": (frozenset(), _nothing),
    "userKeyDefaultImpl": (frozenset(), _nothing),
    "authorityKeyIdentifierExtDefaultImpl": (frozenset(), _nothing),
    "subjectKeyIdentifierExtDefaultImpl": (frozenset(), _nothing),
    # The node's own addresses, as far as it has any; another location is refused.
    "authInfoAccessExtDefaultImpl": (_AIA, _nothing),
    "signingAlgDefaultImpl": (frozenset(), _nothing),
    "validityDefaultImpl": (frozenset({"range", "rangeUnit"}), _validity),
    "keyUsageExtDefaultImpl": (_USAGES, _key_usage),
    "extendedKeyUsageExtDefaultImpl": (
        frozenset({"exKeyUsageCritical", "exKeyUsageOIDs"}),
        _extended_key_usage,
    ),
    "basicConstraintsExtDefaultImpl": (
        frozenset({"basicConstraintsCritical", "basicConstraintsIsCA", "basicConstraintsPathLen"}),
        _authority,
    ),
    "commonNameToSANDefaultImpl": (frozenset(), _common_name),
    "userExtensionDefaultImpl": (frozenset({"userExtOID"}), _requested_names),
    "subjectAltNameExtDefaultImpl": (
        frozenset(
            {
                "subjAltExtType_0",
                "subjAltExtPattern_0",
                "subjAltExtGNEnable_0",
                "subjAltNameNumGNs",
            }
        ),
        _requestor_email,
    ),
}
_CONSTRAINTS: Final[_Plugins] = {
    "noConstraintImpl": (frozenset(), _nothing),
    "subjectNameConstraintImpl": (frozenset({"pattern", "accept"}), _subject_pattern),
    "uniqueSubjectNameConstraintImpl": (frozenset(), _unique_subject),
    "uniqueKeyConstraintImpl": (frozenset(), _unique_key),
    "validityConstraintImpl": (frozenset({"range", "rangeUnit"}), _validity_limit),
    "keyConstraintImpl": (frozenset({"keyType", "keyParameters"}), _keys),
    "signingAlgConstraintImpl": (frozenset({"signingAlgsAllowed"}), _algorithms),
    # What is issued is the default and nothing else, so these have nothing left to judge.
    "keyUsageExtConstraintImpl": (_USAGES, _nothing),
    "extendedKeyUsageExtConstraintImpl": (
        frozenset({"exKeyUsageCritical", "exKeyUsageOIDs"}),
        _nothing,
    ),
    # Nothing is renewed by its serial number here.
    "renewGracePeriodConstraintImpl": (
        frozenset({"renewal.graceBefore", "renewal.graceAfter"}),
        _nothing,
    ),
}


def _split_key_usage(tables: Tables, base: Profile | None) -> None:
    """Dogtag has one set of bits; a key of either type gets those that it can be used for."""
    defaults, key = tables["defaults"], tables["constraints"]["key"]
    defaults.pop("_kinds", None)
    usage = defaults["key_usage"]
    bits = dict.fromkeys(usage.pop("bits"))
    before = base.defaults.key_usage if base else None
    kept = before if before and set(bits) == {*before.rsa, *before.ec} else None
    for kind, possible in (("rsa", RSA_KEY_USAGE), ("ec", EC_KEY_USAGE)):
        chosen = [*getattr(kept, kind)] if kept else []
        if key[kind]:
            usage[kind] = chosen or [bit for bit in bits if bit in possible]
