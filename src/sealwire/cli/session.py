"""What commands share to reach a node: the home option, and names in URLs."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from sealwire.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.bootstrap.client import ApiClient

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The node's home folder (default: SEALWIRE_HOME, else your own)."),
]


def home_path(home: Path | None) -> Path:
    """The home folder that the option, the environment or the default names."""
    from sealwire.config.home import default_home

    return (home or default_home()).expanduser().absolute()


@contextmanager
def api(home: Path | None) -> Iterator[ApiClient]:
    """The node's API as the home's owner."""
    from sealwire.bootstrap.client import home_client

    with home_client(home_path(home)) as client:
        yield client


def segment(name: str) -> str:
    """A name as one part of a URL's path, whatever characters it has."""
    return quote(name, safe="")


def must_be_new(path: Path | None) -> None:
    """Raise ConflictError ``file.exists`` when there is something under that name."""
    if path is not None and (path.exists() or path.is_symlink()):
        raise ConflictError(
            "file.exists", f"{path} exists already", hint="choose another name, or remove it first"
        )
