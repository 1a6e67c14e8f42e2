"""``sealwire chain``: put certificates into order, or check a file that should be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sealwire.cli.output import JsonOption

chain_app = typer.Typer(no_args_is_help=True, help="Certificate chains: build one, check one.")

HostOption = Annotated[
    str | None, typer.Option("--host", help="Host name or IP address it must cover.")
]
KeyOption = Annotated[
    Path | None, typer.Option("--key", help="Private key that it must belong to.")
]
PurposeOption = Annotated[
    str | None, typer.Option("--purpose", help="server or client; else as the certificate says.")
]
AtOption = Annotated[str | None, typer.Option("--at", help="Time to judge at, RFC 3339; else now.")]
DepthOption = Annotated[
    int, typer.Option("--max-depth", min=0, max=32, help="Most intermediates allowed.")
]
RootsOption = Annotated[
    str | None, typer.Option("--roots", help="Trusted roots: a file, or system, or mozilla.")
]
PasswordOption = Annotated[
    Path | None, typer.Option("--password-file", help="File with the password of key or PKCS#12.")
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="By the rules of the public web, not of private CAs.")
]


@chain_app.command("build")
def build(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="PEM, DER, PKCS#7, PKCS#12 or zip.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write the chain (PEM).")],
    leaf: Annotated[
        Path | None, typer.Option("--leaf", help="The certificate the chain is for.")
    ] = None,
    key: KeyOption = None,
    host: HostOption = None,
    purpose: PurposeOption = None,
    at: AtOption = None,
    max_depth: DepthOption = 8,
    order: Annotated[str, typer.Option("--order", help="tls, cisco or usm.")] = "tls",
    roots: RootsOption = None,
    password_file: PasswordOption = None,
    strict: StrictOption = False,
    fetch_missing: Annotated[
        bool,
        typer.Option(
            "--fetch-missing",
            help="Fetch a missing issuer from the address that the certificate names, and only"
            " from there; 1 MiB and 10 seconds at most, no redirects.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Pick the chain out of the files, verify it, write it; exit code 2 when none holds."""
    from sealwire.cli import chain_actions

    asked = chain_actions.Question(key, host, purpose, at, max_depth, roots, password_file, strict)
    chain_actions.build(files, leaf, asked, order, output, fetch=fetch_missing, as_json=as_json)


@chain_app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="The chain as a server would send it.")],
    host: HostOption = None,
    key: KeyOption = None,
    purpose: PurposeOption = None,
    at: AtOption = None,
    max_depth: DepthOption = 8,
    roots: RootsOption = None,
    password_file: PasswordOption = None,
    strict: StrictOption = False,
    as_json: JsonOption = False,
) -> None:
    """Judge a chain file as it stands: order, links, validity; exit code 2 when it is not right."""
    from sealwire.cli import chain_actions

    asked = chain_actions.Question(key, host, purpose, at, max_depth, roots, password_file, strict)
    chain_actions.check(file, asked, as_json=as_json)
