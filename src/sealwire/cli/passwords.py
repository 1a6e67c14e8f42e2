"""Passwords of keys and bundles: from a file, or asked for at a terminal; never waited for else."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from sealwire.cli.files import read_input, read_inputs
from sealwire.errors import RefusedError
from sealwire.x509.bundle import Bundle, read_bundle
from sealwire.x509.findings import Code
from sealwire.x509.keys import PrivateKey, load_private_key


def read_password(file: Path | None) -> bytes | None:
    """The first line, without its end."""
    return None if file is None else read_input(file).partition(b"\n")[0].rstrip(b"\r")


def new_password(file: Path | None, question: str) -> bytes | None:
    """A password to be set: from ``file``, else asked for twice at a terminal; None for none."""
    if file is not None or not _at_terminal():
        return read_password(file)
    answer: str = typer.prompt(
        question,
        default="",
        hide_input=True,
        confirmation_prompt=True,
        show_default=False,
        err=True,
    )
    return answer.encode() or None


def read_files(paths: list[Path], password: bytes | None) -> Bundle:
    """The files as a bundle; a password that is needed and not given is asked for."""
    blobs = read_inputs(paths)
    bundle = read_bundle(blobs, password)
    locked = [f for f in bundle.findings if f.code == Code.PASSWORD_NEEDED]
    if password is not None or not locked or not _at_terminal():
        return bundle
    return read_bundle(blobs, _ask(locked[0].message))


def read_key(path: Path, password: bytes | None) -> PrivateKey:
    """A private key; as with files. Raises RefusedError ``key.*``."""
    data = read_input(path)
    try:
        return load_private_key(data, password)
    except RefusedError as fault:
        if fault.code == "key.password_needed" and _at_terminal():
            return load_private_key(data, _ask(fault.message))
        # A PKCS#12 file has one too, and so has a file with certificates around it.
        keys = read_files([path], password).keys if fault.code == "key.unreadable" else ()
        if len(keys) != 1:
            raise
        return keys[0]


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _ask(why: str) -> bytes:
    typer.echo(why, err=True)
    answer: str = typer.prompt("Password", hide_input=True, err=True)
    return answer.encode()
