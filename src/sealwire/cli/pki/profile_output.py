"""Profiles in Dogtag's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealwire.cli.pki.reading import total_of, understood
from sealwire.cli.pki_output import boxed, listing, said

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def profiles_found(document: Mapping[str, Any]) -> str:
    """Answer of ``ca-profile-find``: the server's ``ProfileDataInfos``."""
    with understood("a list of profiles"):
        blocks = [_info_block(entry) for entry in document.get("entries") or ()]
        return listing(blocks, total_of(document))


def profile_shown(document: Mapping[str, Any]) -> str:
    """The server's ``ProfileData`` as ``ca-profile-show`` prints it below its box."""
    with understood("a profile"):
        lines = [
            f"  Profile ID: {said(document['id'])}",
            f"  Name: {said(document.get('name'))}",
            f"  Description: {said(document.get('description'))}",
        ]
        for each in _first(document, "inputs", "Input"):
            lines += _described(each, "  Input ")
        for each in _first(document, "outputs", "Output"):
            lines += _described(each, "  Output ")
        return "\n".join(lines) + "\n"


def template_shown(document: Mapping[str, Any]) -> str:
    """An enrolment template as ``ca-cert-request-profile-show`` prints it below its box."""
    with understood("an enrollment template"):
        lines = [
            f"  Profile ID: {said(document['ProfileID'])}",
            f"  Renewal: {said(bool(document.get('Renewal')))}",
        ]
        for each in [*_first(document, "Input"), *_first(document, "Output")]:
            lines += _described(each, "  ")
        return "\n".join(lines) + "\n"


def profile_box(profile_id: str) -> str:
    """The head of ``ca-profile-show``."""
    return boxed(f'Profile "{said(profile_id)}"')


def _info_block(document: Mapping[str, Any]) -> str:
    return (
        f"  Profile ID: {said(document['profileId'])}\n"
        f"  Name: {said(document.get('profileName'))}\n"
        f"  Description: {said(document.get('profileDescription'))}\n"
    )


def _first(document: Mapping[str, Any], *names: str) -> Iterable[Mapping[str, Any]]:
    """The list under the first of these names that there is: servers differ."""
    return next((document[name] for name in names if document.get(name) is not None), ())


def _described(block: Mapping[str, Any], words: str) -> list[str]:
    name = block.get("Name", block.get("name"))
    class_id = block.get("ClassID", block.get("classId"))
    lines = ["", f"{words}Name: {said(name)}", f"{words}Class: {said(class_id)}"]
    for attribute in _first(block, "Attribute", "attributes"):
        descriptor = attribute.get("Descriptor") or attribute.get("descriptor") or {}
        lines += [
            "",
            f"    Attribute Name: {said(attribute['name'])}",
            f"    Attribute Description: {said(descriptor.get('Description'))}",
            f"    Attribute Syntax: {said(descriptor.get('Syntax'))}",
        ]
    return lines
