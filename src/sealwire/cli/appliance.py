"""``sealwire appliance``: the machine whose audit log is streamed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sealwire.cli import identity_files as files
from sealwire.cli.addresses import host_and_port
from sealwire.cli.crl import crl_commands
from sealwire.cli.files import read_input
from sealwire.cli.identity_commands import End, add_identity_commands
from sealwire.cli.output import (
    JsonOption,
    printable,
    show_fields,
    show_json,
    show_json_lines,
    show_table,
)
from sealwire.cli.session import HomeOption, api, segment
from sealwire.errors import RefusedError

appliance_app = typer.Typer(
    no_args_is_help=True,
    help="The machine whose audit log is streamed, and where to.",
)
destination_app = typer.Typer(no_args_is_help=True, help="Where the audit log is streamed to.")
stream_app = typer.Typer(no_args_is_help=True, help="Streaming on and off.")
input_app = typer.Typer(no_args_is_help=True, help="Local files whose lines are streamed too.")
ha_app = typer.Typer(no_args_is_help=True, help="Active and standby units.")
audit_tail_app = typer.Typer(no_args_is_help=True, help="The appliance's own audit records.")
appliance_app.add_typer(destination_app, name="destination")
appliance_app.add_typer(stream_app, name="stream")
appliance_app.add_typer(input_app, name="input")
appliance_app.add_typer(ha_app, name="ha")
appliance_app.add_typer(audit_tail_app, name="audit")
appliance_app.add_typer(crl_commands("appliance"), name="crl")

_API = "/api/v1/appliance"
_Name = Annotated[str, typer.Argument(help="The destination's name.")]


add_identity_commands(
    appliance_app,
    End(
        certificate=f"{_API}/certificate",
        csr=f"{_API}/csr",
        key_type="p256",
        profile="caAuditClientCert",
        csr_help="Generate New CSR: the key is made here and stays here.",
        import_help="Import Audit Client Certificate: any files, any order, any format.",
    ),
)


@appliance_app.command("show")
def show(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the unit, its certificate, and how its streams are doing."""
    with api(home) as client:
        status = client.call("GET", _API)
    if json:
        show_json(status)
        return
    show_fields(
        {
            "Unit": status["unit"],
            "Role": status["ha"]["role"],
            "Host name": status["host_name"],
        }
    )
    files.show_identity(status["identity"], status["pending"])
    _show_destinations(status["destinations"])
    for alarm in status["alarms"]:
        typer.echo(f"Alarm: {printable(alarm['text'])}")


@appliance_app.command("host-name")
def host_name(
    name: Annotated[str, typer.Argument(help="This machine's own full name.")],
    home: HomeOption = None,
) -> None:
    """Set the name that the audit log client certificate must carry."""
    with api(home) as client:
        answer = client.call("PUT", f"{_API}/host-name", json={"host_name": name})
    typer.echo(f"host name: {printable(answer['host_name'])}")


@destination_app.command("add")
def destination_add(
    address: Annotated[str, typer.Argument(help="HOST:PORT, e.g. sensor.example.com:6514.")],
    name: Annotated[str, typer.Option(help="Its name here (default: the host).")] = "",
    ca: Annotated[
        Path | None, typer.Option("--ca", help="Who may have signed its certificate (PEM).")
    ] = None,
    server_name: Annotated[
        str, typer.Option(help="Name its certificate must carry (default: the host).")
    ] = "",
    mutual: Annotated[
        bool, typer.Option(help="Show our certificate: mutual authentication.")
    ] = True,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Add a destination (TLS, RFC 5425); streaming to it starts with `stream start`."""
    host, port = host_and_port(address)
    body = {
        "name": name or host,
        "host": host,
        "port": port,
        "trust": None if ca is None else read_input(ca).decode("utf-8", "replace"),
        "server_name": server_name,
        "mutual": mutual,
    }
    with api(home) as client:
        answer = client.call("POST", f"{_API}/destinations", json=body)
    if json:
        show_json(answer)
    else:
        typer.echo(f"added {printable(answer['name'])}")


@destination_app.command("list")
def destination_list(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the destinations and how each is doing."""
    with api(home) as client:
        listing = client.call("GET", f"{_API}/destinations")
    if json:
        show_json(listing)
    else:
        _show_destinations(listing)


@destination_app.command("test")
def destination_test(
    name: _Name,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Try it for real: name, TCP, TLS, certificates both ways, one message."""
    with api(home) as client:
        report = client.call("POST", f"{_API}/destinations/{segment(name)}/test")
    if json:
        show_json(report)
    else:
        for step in report["steps"]:
            mark = "ok" if step["ok"] else "FAILED"
            detail = printable(step["detail"])
            typer.echo(f"{step['name']:<20} {mark:<7}{step['milliseconds']:>8.1f} ms  {detail}")
            if step["fix"]:
                typer.echo(f"  fix: {printable(step['fix'])}")
    if not report["ok"]:
        raise RefusedError("destination.test_failed", f"the test of {name} failed")


@destination_app.command("remove")
def destination_remove(name: _Name, home: HomeOption = None) -> None:
    """Remove a destination; streaming to it ends."""
    with api(home) as client:
        client.call("DELETE", f"{_API}/destinations/{segment(name)}")
    typer.echo(f"removed {printable(name)}")


@stream_app.command("start")
def stream_start(
    name: Annotated[str, typer.Argument(help="Only this destination.")] = "",
    allow_name_mismatch: Annotated[
        bool, typer.Option("--allow-name-mismatch", help="Though our certificate names another.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Turn streaming on."""
    _each_destination(home, name, "start", {"allow_name_mismatch": allow_name_mismatch})


@stream_app.command("stop")
def stream_stop(
    name: Annotated[str, typer.Argument(help="Only this destination.")] = "",
    home: HomeOption = None,
) -> None:
    """Turn streaming off; what is not delivered stays in the spool."""
    _each_destination(home, name, "stop", {})


@input_app.command("add")
def input_add(
    path: Annotated[Path, typer.Argument(help="The file to follow.")],
    name: Annotated[str, typer.Option(help="Its name here (default: the file's).")] = "",
    home: HomeOption = None,
) -> None:
    """Follow a local file: every line becomes an audit record."""
    body = {"name": name or path.name, "path": str(path.absolute())}
    with api(home) as client:
        answer = client.call("POST", f"{_API}/inputs", json=body)
    typer.echo(f"following {printable(answer['path'])} as {printable(answer['name'])}")
    if not path.exists():
        typer.echo("  info: there is no such file yet; it is read as soon as there is one")


@input_app.command("list")
def input_list(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the followed files."""
    with api(home) as client:
        listing = client.call("GET", f"{_API}/inputs")
    if json:
        show_json(listing)
    else:
        show_table([("name", "NAME"), ("path", "FILE"), ("offset", "READ")], listing)


@input_app.command("remove")
def input_remove(name: str, home: HomeOption = None) -> None:
    """Stop following a file."""
    with api(home) as client:
        client.call("DELETE", f"{_API}/inputs/{segment(name)}")
    typer.echo(f"no longer following {printable(name)}")


@audit_tail_app.command("tail")
def audit_tail(
    count: Annotated[int, typer.Option("-n", min=1, max=10_000, help="So many records.")] = 20,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show the appliance's newest audit records."""
    with api(home) as client:
        records = client.call("GET", f"{_API}/audit", params={"count": count})
    if json:
        show_json_lines(records)
    else:
        for record in records:
            typer.echo(f"{record['idx']} {record['time']} {printable(record['message'])}")


@ha_app.command("status")
def ha_status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show this unit's role, and which unit is active."""
    with api(home) as client:
        _show_ha(client.call("GET", f"{_API}/ha"), json=json)


@ha_app.command("promote")
def ha_promote(home: HomeOption = None, json: JsonOption = False) -> None:
    """Make this unit the active one; the other becomes standby."""
    with api(home) as client:
        _show_ha(client.call("POST", f"{_API}/ha/promote"), json=json)


@ha_app.command("demote")
def ha_demote(home: HomeOption = None, json: JsonOption = False) -> None:
    """Make this unit standby; nothing is streamed until a unit is promoted."""
    with api(home) as client:
        _show_ha(client.call("POST", f"{_API}/ha/demote"), json=json)


def _show_ha(status: dict[str, Any], *, json: bool) -> None:
    if json:
        show_json(status)
        return
    active = status["active_unit"]
    show_fields(
        {
            "Unit": status["unit"],
            "Role": status["role"],
            "Active unit": f"{active} {status['active_url']}".strip() or "none",
        }
    )


def _each_destination(home: Path | None, name: str, verb: str, body: dict[str, Any]) -> None:
    with api(home) as client:
        names = [name] if name else [d["name"] for d in client.call("GET", f"{_API}/destinations")]
        if not names:
            raise RefusedError(
                "stream.no_destination",
                "there is no destination",
                hint="add one with `sealwire appliance destination add HOST:PORT`",
            )
        for each in names:
            answer = client.call("POST", f"{_API}/destinations/{segment(each)}/{verb}", json=body)
            word = "on" if answer["enabled"] else "off"
            typer.echo(f"streaming to {printable(each)} is {word}")


def _show_destinations(listing: list[dict[str, Any]]) -> None:
    show_table(
        [
            ("name", "NAME"),
            ("host", "HOST"),
            ("port", "PORT"),
            ("mutual", "MUTUAL"),
            ("enabled", "STREAMING"),
            ("state", "STATE"),
            ("records_sent", "SENT"),
            ("backlog", "WAITING"),
            ("last_error", "LAST ERROR"),
        ],
        listing,
    )
