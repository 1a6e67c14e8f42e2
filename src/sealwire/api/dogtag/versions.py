"""The versions of Dogtag's interface: one set of handlers, and how their answers differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import Depends, Request


@dataclass(frozen=True, slots=True)
class Version:
    """What one version does otherwise.

    ``reported`` is the version of Dogtag that it says it is (its clients want three numbers).
    ``with_links``: requests carry their own and their certificate's address; Dogtag's Python
    client reads a request's number from there. ``with_times``: they say when they were made and
    changed. ``start_is_number``: a list of requests starts at a request number, else it skips
    that many. ``counts_found``: a search says how many certificates match.
    """

    path: str
    reported: str
    with_links: bool
    with_times: bool
    start_is_number: bool
    counts_found: bool


_REST: Final = Version(
    path="rest",
    reported="11.2.1",
    with_links=True,
    with_times=False,
    start_is_number=True,
    counts_found=True,
)
VERSIONS: Final[Mapping[str, Version]] = {
    "rest": _REST,
    "v1": replace(_REST, path="v1"),
    "v2": Version(
        path="v2",
        reported="11.6.0",
        with_links=False,
        with_times=True,
        start_is_number=False,
        counts_found=False,
    ),
}
"""By the second part of the path, as in ``/ca/rest/certs``."""


def _version(request: Request) -> Version:
    return VERSIONS[request.url.path.split("/")[2]]


Speaks = Annotated[Version, Depends(_version)]
"""The version that a request came by."""
