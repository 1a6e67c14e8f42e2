"""Profiles in Dogtag's own configuration format: lines of ``name=value``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.api.dogtag.inputs import OUTPUT_CLASS
from sealwire.api.dogtag.policies import policies
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sealwire.api.dogtag.policies import Plugin
    from sealwire.api.dogtag.shapes import Json, JsonObject
    from sealwire.ca.profile_register import ProfileInForce

CLASS_ID: Final = "caEnrollImpl"
_SETS: Final = "policyset"

# Name in the format, name in ProfileData.
_PLAIN: Final[Mapping[str, str]] = {
    "profileId": "id",
    "name": "name",
    "desc": "description",
    "visible": "visible",
    "renewal": "renewal",
    "auth.instance_id": "authenticatorId",
    "authz.acl": "authzAcl",
}
# What says nothing here: a profile's state is not part of it, outputs are always the same.
_IGNORED: Final = ("classId", "enable", "enableBy", "auth.class_id", "lastModified", "output.")


def raw_of(rules: ProfileInForce) -> str:
    """``rules`` in that format."""
    return "".join(f"{name}={value}\n" for name, value in _lines(rules))


def _lines(rules: ProfileInForce) -> Iterator[tuple[str, str]]:
    profile = rules.profile
    yield "profileId", profile.profile_id
    yield "classId", CLASS_ID
    yield "name", profile.name
    yield "desc", profile.description
    yield "visible", str(profile.visible).lower()
    yield "enable", str(rules.enabled).lower()
    yield "enableBy", rules.changed_by
    yield "auth.class_id", ""
    yield "input.list", ",".join(f"i{n}" for n, _ in enumerate(profile.inputs, start=1))
    for number, kind in enumerate(profile.inputs, start=1):
        yield f"input.i{number}.class_id", kind.value
    yield "output.list", "o1"
    yield "output.o1.class_id", OUTPUT_CLASS
    yield f"{_SETS}.list", profile.policy_set
    listed = policies(profile)
    prefix = f"{_SETS}.{profile.policy_set}"
    yield f"{prefix}.list", ",".join(each.policy_id for each in listed)
    for each in listed:
        yield from _plugin(f"{prefix}.{each.policy_id}.constraint", each.constraint)
        yield from _plugin(f"{prefix}.{each.policy_id}.default", each.default)


def _plugin(prefix: str, plugin: Plugin) -> Iterator[tuple[str, str]]:
    yield f"{prefix}.class_id", plugin.class_id
    yield f"{prefix}.name", plugin.name
    for name, value in plugin.parameters:
        yield f"{prefix}.params.{name}", value


def read_raw(data: bytes) -> JsonObject:
    """The same as ProfileData. Raises UsageError ``input.raw`` with every line not understood."""
    lines = _read_lines(data)
    names = [name for name in lines.get(f"{_SETS}.list", "").split(",") if name]
    inputs: list[Json] = [
        {"id": each, "ClassID": lines.get(f"input.{each}.class_id")}
        for each in _listed(lines, "input.list")
    ]
    sets: list[Json] = [
        {"id": name, "value": [_policy(lines, name, each) for each in _in_set(lines, name)]}
        for name in names
    ]
    known = ("input.", *(f"{_SETS}.{name}." for name in names), f"{_SETS}.list", *_IGNORED)
    strange = sorted(n for n in lines if n not in _PLAIN and not n.startswith(known))
    if strange:
        raise UsageError("input.raw", f"Invalid profile data: {', '.join(strange[:20])}")
    plain: JsonObject = {json: lines[name] for name, json in _PLAIN.items() if name in lines}
    return {**plain, "Input": inputs, "PolicySets": {"PolicySet": sets}}


def _read_lines(data: bytes) -> dict[str, str]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("input.raw", "The profile data is not UTF-8") from None
    lines = {}
    for line in text.replace("\r\n", "\n").split("\n"):
        name, equals, value = line.partition("=")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not equals:
            raise UsageError("input.raw", "Invalid profile data: lines are name=value")
        lines[name.strip()] = value.strip()
    return lines


def _listed(lines: Mapping[str, str], name: str) -> list[str]:
    return [each.strip() for each in lines.get(name, "").split(",") if each.strip()]


def _in_set(lines: Mapping[str, str], name: str) -> list[str]:
    return _listed(lines, f"{_SETS}.{name}.list")


def _policy(lines: Mapping[str, str], set_name: str, policy_id: str) -> JsonObject:
    prefix = f"{_SETS}.{set_name}.{policy_id}"
    return {
        "id": policy_id,
        "def": _read_plugin(lines, f"{prefix}.default", "params"),
        "constraint": _read_plugin(lines, f"{prefix}.constraint", "constraints"),
    }


def _read_plugin(lines: Mapping[str, str], prefix: str, word: str) -> JsonObject:
    start = f"{prefix}.params."
    parameters: list[Json] = [
        {"name": name.removeprefix(start), "value": value}
        for name, value in lines.items()
        if name.startswith(start)
    ]
    return {"classId": lines.get(f"{prefix}.class_id"), word: parameters}
