"""What commands share to reach a node: the home option and file reading with plain errors."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealwire.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.bootstrap.client import ApiClient

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The node's home folder (default: SEALWIRE_HOME, else your own)."),
]


def home_path(home: Path | None) -> Path:
    """The home folder that the option, the environment or the default names."""
    from sealwire.config.node import default_home

    return (home or default_home()).expanduser().absolute()


@contextmanager
def api(home: Path | None) -> Iterator[ApiClient]:
    """The node's API as the home's owner."""
    from sealwire.bootstrap.client import home_client

    with home_client(home_path(home)) as client:
        yield client


def read_file(path: Path) -> bytes:
    """A file's bytes; UsageError ``file.unreadable`` says why not."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError("file.unreadable", f"cannot read {path}: {error.strerror}") from error


def write_new_file(path: Path, content: bytes, *, force: bool = False, mode: int = 0o644) -> None:
    """Write a file whole; an existing one only with ``force``."""
    if path.exists() and not force:
        raise UsageError("file.exists", f"{path} exists already", hint="--force writes over it")
    draft = path.with_name(path.name + ".new")
    try:
        draft.touch(mode=mode)
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        raise UsageError("file.unwritable", f"cannot write {path}: {error.strerror}") from error
