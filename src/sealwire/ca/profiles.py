"""Certificate profiles: declarative files that say what may be asked for and what is issued.

A profile is a TOML document. ``constraints`` judge a request, ``defaults`` say what the certificate
holds, ``approval`` who must agree, ``lint`` which of the linter's objections do not count; a
certificate has nothing that its profile does not name. Unknown keys and kinds are refused when a
profile is read, with every fault at once, so that a typing error cannot widen a rule.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from sealwire.ca.profile_words import (
    CA_KEY_USAGE,
    EC_KEY_USAGE,
    RSA_KEY_USAGE,
    EllipticCurve,
    Input,
    KeyUsageBit,
    NameKind,
    Purpose,
    SigningAlgorithm,
    SubjectAttribute,
)
from sealwire.errors import Finding, NotFoundError, RefusedError, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

__all__ = [
    "EC_KEY_USAGE",
    "RSA_KEY_USAGE",
    "EllipticCurve",
    "Input",
    "KeyUsageBit",
    "LintRules",
    "NameKind",
    "Profile",
    "ProfileCatalogue",
    "Purpose",
    "SigningAlgorithm",
    "SubjectAttribute",
    "catalogue",
    "parse_profile",
    "profile_document",
    "shipped_profiles",
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_Days = Annotated[int, Field(ge=1, le=9000)]
_RsaBits = Annotated[int, Field(ge=2048, le=16384, multiple_of=8)]
_Text = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _compiled(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as fault:
        message = f"not a pattern: {fault}"
        raise ValueError(message) from None
    return pattern


_Pattern = Annotated[_Text, AfterValidator(_compiled)]


class SubjectConstraint(_Table):
    """``pattern`` must match the whole subject as ``CN=www.example.com,O=Example``.

    ``unique``: no other certificate that is valid, or on hold, may have the same subject.
    """

    pattern: _Pattern
    required: tuple[SubjectAttribute, ...] = ()
    unique: bool = False


class ValidityConstraint(_Table):
    """The longest life in days."""

    maximum_days: _Days


class KeyConstraint(_Table):
    """Allowed RSA sizes in bits and EC curves; a type without an entry is not allowed.

    ``unique``: no certificate issued before, whatever became of it, may have the same key.
    """

    rsa: tuple[_RsaBits, ...] = ()
    ec: tuple[EllipticCurve, ...] = ()
    unique: bool = False


class SigningConstraint(_Table):
    """How this CA may sign a certificate of the profile."""

    algorithms: Annotated[tuple[SigningAlgorithm, ...], Field(min_length=1)]


class NamesConstraint(_Table):
    """``pattern`` must match each alternative name as a whole: a host name or an address."""

    pattern: _Pattern = ".*"


class Constraints(_Table):
    """What a request is judged by. All of them are judged, all faults are told."""

    subject: SubjectConstraint
    validity: ValidityConstraint
    key: KeyConstraint
    signing: SigningConstraint
    names: NamesConstraint = NamesConstraint()


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


class BasicConstraintsDefault(_Table):
    """Makes a CA of whoever asks. ``path_length``: how many CAs may stand below it; None: any."""

    path_length: Annotated[int, Field(ge=0, le=8)] | None = None


class NamesDefault(_Table):
    """Where subject alternative names come from; ``from_request`` names the kinds let through."""

    from_common_name: bool = False
    from_requestor_email: bool = False
    from_subject_email: bool = False
    from_request: tuple[NameKind, ...] = ()
    wildcards: bool = False
    maximum: Annotated[int, Field(ge=1, le=1000)] = 100


class Defaults(_Table):
    """What the certificate holds besides subject and key."""

    validity: ValidityDefault
    key_usage: KeyUsageDefault
    extended_key_usage: ExtendedKeyUsageDefault | None = None
    names: NamesDefault = NamesDefault()
    basic_constraints: BasicConstraintsDefault | None = None
    ocsp_no_check: bool = False


class ApprovalRules(_Table):
    """Who must agree: ``approvers`` different agents, each to exactly the same bytes.

    ``separate_submitter``: none of them may be who submitted it; so nobody can submit unnamed.
    """

    approvers: Annotated[int, Field(ge=1, le=16)] = 1
    separate_submitter: bool = False


_Waiver = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")]


class LintRules(_Table):
    """``waivers`` name findings of the linter that do not refuse a certificate."""

    waivers: tuple[_Waiver, ...] = ()


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
    approval: ApprovalRules = ApprovalRules()
    lint: LintRules = LintRules()

    @property
    def digest(self) -> str:
        """SHA-256 hex over the canonical content; layout and comments of the file do not count.

        Made anew at each call: who needs it often keeps it.
        """
        content = self.model_dump(mode="json")
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def parse_profile(
    data: bytes, *, source: str, waivable: Callable[[], Collection[str]] | None = None
) -> Profile:
    """The profile in a TOML document; ``source`` is its name for messages.

    ``waivable`` gives the findings that a waiver can name, when that is to be checked. Raises
    RefusedError ``profile.invalid`` with every fault.
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
    faults = list(_contradictions(profile))
    if waivable is not None and profile.lint.waivers:
        unknown = sorted(set(profile.lint.waivers) - set(waivable()))
        faults += [("lint.waivers", f"the linter has no finding {name}") for name in unknown]
    findings = [_finding(source, place, text) for place, text in faults]
    if findings:
        raise _invalid(source, findings)
    return profile


def _contradictions(profile: Profile) -> Iterator[tuple[str, str]]:
    constraints, defaults = profile.constraints, profile.defaults
    if defaults.validity.days > constraints.validity.maximum_days:
        yield "defaults.validity.days", "longer than constraints.validity.maximum_days"
    if not constraints.key.rsa and not constraints.key.ec:
        yield "constraints.key", "allows no key at all"
    yield from _key_usage_contradictions(profile)
    purposes = defaults.extended_key_usage.purposes if defaults.extended_key_usage else ()
    if defaults.ocsp_no_check and Purpose.OCSP_SIGNING not in purposes:
        yield "defaults.ocsp_no_check", f"only with the purpose {Purpose.OCSP_SIGNING}"
    # Without a purpose a certificate is good for any: harmless where it names no host.
    if defaults.basic_constraints is None and not purposes and _has_names(defaults.names):
        yield "defaults.extended_key_usage", "must be there where there are alternative names"


def _has_names(rules: NamesDefault) -> bool:
    return rules.model_copy(update={"wildcards": False, "maximum": 100}) != NamesDefault()


def _key_usage_contradictions(profile: Profile) -> Iterator[tuple[str, str]]:
    key, usage = profile.constraints.key, profile.defaults.key_usage
    is_ca = profile.defaults.basic_constraints is not None
    for kind, allowed, bits, possible in (
        ("rsa", bool(key.rsa), set(usage.rsa), RSA_KEY_USAGE),
        ("ec", bool(key.ec), set(usage.ec), EC_KEY_USAGE),
    ):
        place = f"defaults.key_usage.{kind}"
        if allowed != bool(bits):
            yield place, f"must be there when constraints.key.{kind} is"
        if impossible := sorted(bits - possible):
            yield place, f"not for this key type: {', '.join(impossible)}"
        if not is_ca and (reserved := sorted(bits & CA_KEY_USAGE)):
            yield place, f"only with defaults.basic_constraints: {', '.join(reserved)}"
        if is_ca and bits and KeyUsageBit.KEY_CERT_SIGN not in bits:
            yield place, f"a CA needs {KeyUsageBit.KEY_CERT_SIGN}"


def _finding(source: str, place: str, text: str) -> Finding:
    return Finding("profile.invalid", Severity.ERROR, f"{place}: {text}" if place else text, source)


def _invalid(source: str, findings: list[Finding]) -> RefusedError:
    faults = "; ".join(finding.message for finding in findings)
    message = f"The profile {source} cannot be used: {faults}"
    return RefusedError("profile.invalid", message, findings=findings)


def profile_document(profile: Profile) -> str:
    """A TOML document that says what ``profile`` says."""
    return "".join(_tables(profile.model_dump(mode="json", exclude_defaults=True), ""))


def _tables(table: Mapping[str, Any], name: str) -> Iterator[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    if name and (plain or not table):
        yield f"\n[{name}]\n"
    for key, value in plain.items():
        # What JSON writes here (texts, numbers, booleans, lists of them) is TOML as well.
        yield f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _tables(value, f"{name}.{key}" if name else key)


class ProfileCatalogue:
    """Profiles by id, and the documents they were read from. Unchanging."""

    def __init__(
        self, profiles: Mapping[str, Profile], documents: Mapping[str, str] | None = None
    ) -> None:
        self._profiles = dict(sorted(profiles.items()))
        self._documents = dict(documents or {})
        self._digests: dict[str, str] = {}

    def get(self, profile_id: str) -> Profile:
        """By id. Raises NotFoundError ``profile.unknown``, in Dogtag's words."""
        profile = self._profiles.get(profile_id)
        if profile is None:
            known = ", ".join(self._profiles)
            raise NotFoundError(
                "profile.unknown", f"Profile {profile_id} Not Found", hint=f"There are: {known}"
            )
        return profile

    def document(self, profile_id: str) -> str:
        """The TOML document. Raises as ``get``."""
        profile = self.get(profile_id)
        return self._documents.get(profile_id) or profile_document(profile)

    def digest(self, profile_id: str) -> str:
        """The profile's digest, made once. Raises as ``get``."""
        if profile_id not in self._digests:
            self._digests[profile_id] = self.get(profile_id).digest
        return self._digests[profile_id]

    def all(self) -> tuple[Profile, ...]:
        """Every profile, by id."""
        return tuple(self._profiles.values())


def catalogue(documents: Mapping[str, bytes]) -> ProfileCatalogue:
    """The profiles in ``documents`` (file name -> TOML); a file is named after its profile's id.

    Raises RefusedError ``profile.invalid`` with the faults of all documents.
    """
    profiles: dict[str, Profile] = {}
    texts: dict[str, str] = {}
    findings: list[Finding] = []
    for source, data in sorted(documents.items()):
        try:
            profile = parse_profile(data, source=source)
        except RefusedError as fault:
            findings += fault.findings
            continue
        if source != f"{profile.profile_id}.toml":
            text = f"{profile.profile_id} belongs into {profile.profile_id}.toml"
            findings.append(_finding(source, "profile_id", text))
        profiles[profile.profile_id] = profile
        texts[profile.profile_id] = data.decode()
    if findings:
        raise _invalid(", ".join(sorted({f.subject or "" for f in findings})), findings)
    return ProfileCatalogue(profiles, texts)


@cache
def shipped_profiles() -> ProfileCatalogue:
    """The profiles that come with the package."""
    folder = resources.files("sealwire.ca").joinpath("profiles_data")
    files = (entry for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return catalogue({entry.name: entry.read_bytes() for entry in files})
