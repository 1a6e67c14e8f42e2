"""The command's words; each group lives in a module of its own.

Errors are one line on stderr and a hint. Exit codes: 1 usage, 2 refused or not verified,
3 unavailable.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from typer._click.exceptions import ClickException

from sealwire.cli import node
from sealwire.cli.appliance import appliance_app
from sealwire.cli.audit import audit_app
from sealwire.cli.ca import ca_app
from sealwire.cli.cert import cert_app
from sealwire.cli.chain import chain_app
from sealwire.cli.csr import csr_app
from sealwire.cli.pki import pki_app
from sealwire.cli.sensor import sensor_app
from sealwire.errors import SealwireError, Severity

app = typer.Typer(
    name="sealwire",
    help="Audit records from where they arise to where they are kept, with proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("up")(node.up)
app.command("serve")(node.serve)
app.command("demo")(node.demo)
app.add_typer(csr_app, name="csr")
app.add_typer(cert_app, name="cert")
app.add_typer(chain_app, name="chain")
app.add_typer(pki_app, name="pki")
app.add_typer(ca_app, name="ca")
app.add_typer(appliance_app, name="appliance")
app.add_typer(sensor_app, name="sensor")
app.add_typer(audit_app, name="audit")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"sealwire {version('sealwire')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Certificate authority, appliance and sensor in one."""


def run() -> None:
    """Run the command and leave with its exit code."""
    sys.exit(outcome(sys.argv[1:]))


def outcome(words: list[str]) -> int:
    """Run the command given as words; its exit code."""
    try:
        result = app(words, prog_name="sealwire", standalone_mode=False)
    except SealwireError as error:
        _say(error)
        return error.exit_code
    except ClickException as error:
        typer.echo(f"error: {error.format_message()}", err=True)
        return 1
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("stopped", err=True)
        return 130
    except BrokenPipeError:
        # The reader went away (`| head`): what it wanted, it has.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0


def _say(error: SealwireError) -> None:
    typer.echo(f"error: {error.message}", err=True)
    for finding in error.findings:
        if finding.severity is not Severity.INFO and finding.message not in error.message:
            typer.echo(f"  {finding.severity.value}: {finding.message}", err=True)
    if error.hint:
        typer.echo(f"hint: {error.hint}", err=True)
