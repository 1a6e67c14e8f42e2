"""Certificate profiles: declarative files that say what may be asked for and what is issued.

A profile is a TOML document. ``constraints`` judge a request, ``defaults`` say what the certificate
holds; a certificate has nothing that its profile does not name. Unknown keys and kinds are refused
when a profile is read, with every fault at once, so that a typing error cannot widen a rule.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from enum import StrEnum
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sealwire.errors import Finding, NotFoundError, RefusedError, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Input(StrEnum):
    """What a submitter fills in, named by Dogtag's input plug-ins."""

    CERTIFICATE_REQUEST = "certReqInputImpl"
    KEY_GENERATION = "keyGenInputImpl"
    SUBJECT_NAME = "subjectNameInputImpl"
    REQUESTOR = "submitterInfoInputImpl"


class SubjectAttribute(StrEnum):
    """Attribute types a subject constraint can demand."""

    COMMON_NAME = "CN"
    USER_ID = "UID"
    ORGANIZATION = "O"
    COUNTRY = "C"


class KeyUsageBit(StrEnum):
    """RFC 5280, 4.2.1.3, as far as an end entity may have them: no signing of certificates."""

    DIGITAL_SIGNATURE = "digitalSignature"
    NON_REPUDIATION = "nonRepudiation"
    KEY_ENCIPHERMENT = "keyEncipherment"
    DATA_ENCIPHERMENT = "dataEncipherment"
    KEY_AGREEMENT = "keyAgreement"


class Purpose(StrEnum):
    """Extended key usages, RFC 5280, 4.2.1.12."""

    SERVER_AUTH = "serverAuth"
    CLIENT_AUTH = "clientAuth"
    EMAIL_PROTECTION = "emailProtection"


class NameKind(StrEnum):
    """Kinds of a CSR's alternative names that a profile can let through."""

    DNS = "dns"
    IP = "ip"


class EllipticCurve(StrEnum):
    """Curves by the names Dogtag uses."""

    P256 = "nistp256"
    P384 = "nistp384"


class SigningAlgorithm(StrEnum):
    """How the CA may sign, by the names Dogtag uses."""

    SHA256_RSA = "SHA256withRSA"
    SHA384_RSA = "SHA384withRSA"
    SHA512_RSA = "SHA512withRSA"
    SHA256_EC = "SHA256withEC"
    SHA384_EC = "SHA384withEC"
    SHA512_EC = "SHA512withEC"


RSA_KEY_USAGE: Final = frozenset(KeyUsageBit) - {KeyUsageBit.KEY_AGREEMENT}
EC_KEY_USAGE: Final = frozenset(
    {KeyUsageBit.DIGITAL_SIGNATURE, KeyUsageBit.NON_REPUDIATION, KeyUsageBit.KEY_AGREEMENT}
)
"""What a key of that type can be used for (RFC 8813 forbids encipherment on EC keys)."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_Days = Annotated[int, Field(ge=1, le=9000)]
_RsaBits = Annotated[int, Field(ge=2048, le=16384, multiple_of=8)]
_Text = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]


class SubjectConstraint(_Table):
    """``pattern`` must match the whole subject as ``CN=www.example.com,O=Example``."""

    pattern: _Text
    required: tuple[SubjectAttribute, ...] = ()


class ValidityConstraint(_Table):
    """The longest life in days."""

    maximum_days: _Days


class KeyConstraint(_Table):
    """Allowed RSA sizes in bits and EC curves; a type without an entry is not allowed."""

    rsa: tuple[_RsaBits, ...] = ()
    ec: tuple[EllipticCurve, ...] = ()


class SigningConstraint(_Table):
    """How this CA may sign a certificate of the profile."""

    algorithms: Annotated[tuple[SigningAlgorithm, ...], Field(min_length=1)]


class Constraints(_Table):
    """What a request is judged by. All of them are judged, all faults are told."""

    subject: SubjectConstraint
    validity: ValidityConstraint
    key: KeyConstraint
    signing: SigningConstraint


class ValidityDefault(_Table):
    """The life given, in days; cut to what is left of the issuing CA's own."""

    days: _Days


class KeyUsageDefault(_Table):
    """Bits by key type, because a key can only do what its type can."""

    critical: bool
    rsa: tuple[KeyUsageBit, ...] = ()
    ec: tuple[KeyUsageBit, ...] = ()


class ExtendedKeyUsageDefault(_Table):
    """What the certificate is for."""

    critical: bool
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1)]


class NamesDefault(_Table):
    """Where subject alternative names come from; ``from_request`` names the kinds let through."""

    from_common_name: bool = False
    from_requestor_email: bool = False
    from_request: tuple[NameKind, ...] = ()
    wildcards: bool = False
    maximum: Annotated[int, Field(ge=1, le=1000)] = 100


class Defaults(_Table):
    """What the certificate holds besides subject and key."""

    validity: ValidityDefault
    key_usage: KeyUsageDefault
    extended_key_usage: ExtendedKeyUsageDefault
    names: NamesDefault


class Profile(_Table):
    """One profile as read and found sound."""

    profile_id: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
    name: _Text
    description: _Text
    visible: bool
    policy_set: _Text
    inputs: Annotated[tuple[Input, ...], Field(min_length=1)]
    constraints: Constraints
    defaults: Defaults

    @property
    def digest(self) -> str:
        """SHA-256 hex over the canonical content; layout and comments of the file do not count."""
        content = self.model_dump(mode="json")
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def parse_profile(data: bytes, *, source: str) -> Profile:
    """The profile in a TOML document; ``source`` is its name for messages.

    Raises RefusedError ``profile.invalid`` with every fault.
    """
    try:
        document = json.dumps(tomllib.loads(data.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, RecursionError) as fault:
        raise _invalid(source, [_finding(source, "", f"not a profile document: {fault}")]) from None
    try:
        profile = Profile.model_validate_json(document)
    except ValidationError as fault:
        findings = [
            _finding(source, ".".join(str(part) for part in error["loc"]), error["msg"])
            for error in fault.errors(include_url=False, include_input=False)
        ]
        raise _invalid(source, findings) from None
    findings = [_finding(source, place, text) for place, text in _contradictions(profile)]
    if findings:
        raise _invalid(source, findings)
    return profile


def _contradictions(profile: Profile) -> Iterator[tuple[str, str]]:
    subject, key = profile.constraints.subject, profile.constraints.key
    validity, usage = profile.defaults.validity, profile.defaults.key_usage
    try:
        re.compile(subject.pattern)
    except re.error as fault:
        yield "constraints.subject.pattern", f"not a pattern: {fault}"
    if validity.days > profile.constraints.validity.maximum_days:
        yield "defaults.validity.days", "longer than constraints.validity.maximum_days"
    if not key.rsa and not key.ec:
        yield "constraints.key", "allows no key at all"
    for kind, allowed, bits, possible in (
        ("rsa", bool(key.rsa), usage.rsa, RSA_KEY_USAGE),
        ("ec", bool(key.ec), usage.ec, EC_KEY_USAGE),
    ):
        if allowed != bool(bits):
            yield f"defaults.key_usage.{kind}", f"must be there when constraints.key.{kind} is"
        if impossible := sorted(set(bits) - possible):
            yield f"defaults.key_usage.{kind}", f"not for this key type: {', '.join(impossible)}"


def _finding(source: str, place: str, text: str) -> Finding:
    return Finding("profile.invalid", Severity.ERROR, f"{place}: {text}" if place else text, source)


def _invalid(source: str, findings: list[Finding]) -> RefusedError:
    faults = "; ".join(finding.message for finding in findings)
    message = f"The profile {source} cannot be used: {faults}"
    return RefusedError("profile.invalid", message, findings=findings)


class ProfileCatalogue:
    """The profiles of one CA by id. Unchanging: a changed set is a new catalogue."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = dict(sorted(profiles.items()))

    def get(self, profile_id: str) -> Profile:
        """By id. Raises NotFoundError ``profile.unknown``, in Dogtag's words."""
        profile = self._profiles.get(profile_id)
        if profile is None:
            known = ", ".join(self._profiles)
            raise NotFoundError(
                "profile.unknown", f"Profile {profile_id} Not Found", hint=f"There are: {known}"
            )
        return profile

    def all(self) -> tuple[Profile, ...]:
        """Every profile, by id."""
        return tuple(self._profiles.values())


def catalogue(documents: Mapping[str, bytes]) -> ProfileCatalogue:
    """The profiles in ``documents`` (file name -> TOML); a file is named after its profile's id.

    Raises RefusedError ``profile.invalid`` with the faults of all documents.
    """
    profiles: dict[str, Profile] = {}
    findings: list[Finding] = []
    for source, data in sorted(documents.items()):
        try:
            profile = parse_profile(data, source=source)
        except RefusedError as fault:
            findings += fault.findings
            continue
        if source != f"{profile.profile_id}.toml":
            findings.append(
                _finding(
                    source,
                    "profile_id",
                    f"{profile.profile_id} belongs into {profile.profile_id}.toml",
                )
            )
        profiles[profile.profile_id] = profile
    if findings:
        raise _invalid(", ".join(sorted({f.subject or "" for f in findings})), findings)
    return ProfileCatalogue(profiles)


def shipped_profiles() -> ProfileCatalogue:
    """The profiles that come with the package."""
    folder = resources.files("sealwire.ca").joinpath("profiles_data")
    files = (entry for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return catalogue({entry.name: entry.read_bytes() for entry in files})
