"""Files that commands read and write for their caller."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from sealwire.errors import ConflictError, UnavailableError, UsageError

MAX_INPUT_BYTES = 64 * 1024 * 1024
SYSTEM_ROOTS = Path("/etc/ssl/certs/ca-certificates.crt")


def read_input(path: Path) -> bytes:
    """The whole file. Raises UsageError ``file.unreadable`` that names it."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_INPUT_BYTES + 1)
    except OSError as fault:
        raise UsageError(
            "file.unreadable", f"Cannot read {path}: {fault.strerror or fault}."
        ) from fault
    if len(content) > MAX_INPUT_BYTES:
        raise UsageError("file.too_large", f"{path} is larger than {MAX_INPUT_BYTES} bytes.")
    return content


def read_inputs(paths: list[Path]) -> list[tuple[str, bytes]]:
    """Each file's name (without its folder) and content."""
    return [(path.name, read_input(path)) for path in paths]


def refuse_existing(paths: list[Path], *, way_out: str = "Choose another folder.") -> None:
    """Raises ConflictError ``file.exists`` that names every one that is there already."""
    present = [str(path) for path in paths if path.exists() or path.is_symlink()]
    if present:
        raise ConflictError(
            "file.exists",
            f"Not overwritten: {', '.join(present)}.",
            hint=way_out,
        )


def write_output(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace the file as a whole: a reader sees the old content or the new, never a part.

    Raises UnavailableError ``file.unwritable``.
    """
    import tempfile

    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(temporary).unlink()
            raise
    except OSError as fault:
        raise UnavailableError(
            "file.unwritable", f"Cannot write {path}: {fault.strerror or fault}."
        ) from fault


def make_folder(path: Path, *, mode: int = 0o777) -> None:
    """Make it and its parents when missing. Raises UnavailableError ``file.unwritable``."""
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as fault:
        raise UnavailableError(
            "file.unwritable", f"Cannot make the folder {path}: {fault.strerror or fault}."
        ) from fault
