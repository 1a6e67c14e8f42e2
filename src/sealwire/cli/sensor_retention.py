"""``sealwire sensor retention`` and ``hold``: how long records are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sealwire.cli.output import JsonOption, printable, show_fields, show_json, show_table
from sealwire.cli.session import HomeOption, api, segment
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.bootstrap.client import ApiClient

retention_app = typer.Typer(no_args_is_help=True, help="How long records are kept.")
class_app = typer.Typer(no_args_is_help=True, help="Retention classes.")
rule_app = typer.Typer(no_args_is_help=True, help="Which records belong to which class.")
hold_app = typer.Typer(no_args_is_help=True, help="Legal holds: days that are not deleted.")
retention_app.add_typer(class_app, name="class")
retention_app.add_typer(rule_app, name="rule")

_API: Final = "/api/v1/sensor/retention"
_HOLDS: Final = "/api/v1/sensor/holds"
_LISTENERS: Final = "/api/v1/sensor/listeners"
_IN_FORCE_SECONDS: Final = 5.0
_LOOK_EVERY: Final = 0.2

SureOption = Annotated[
    bool, typer.Option("--sure", help="Also when it has stored records deleted at once.")
]
ClassOption = Annotated[str | None, typer.Option("--class", help="Of this retention class only.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it stands in the audit trail.")]


@retention_app.command("show")
def show(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show classes, rules, budget, what is stored of each day, and what goes next."""
    with api(home) as client:
        found = client.call("GET", _API)
    if json:
        show_json(found)
        return
    show_fields(
        {
            "Budget": "all of the disk"
            if found["budget_bytes"] is None
            else f"{found['budget_bytes']} bytes",
            "Segments": f"{found['segment_bytes']} bytes",
            "Index": f"{found['index_bytes']} bytes",
            "Over budget": f"{found['excess_bytes']} bytes" if found["excess_bytes"] else "",
        }
    )
    _show_classes(found)
    if found["rules"]:
        _show_rules(found)
    if found["days"]:
        _show_days(found)
    for one in found["next"]:
        typer.echo(f"goes {_when(one)}: {_day(one)}")
    for one in found["protected"]:
        names = printable(", ".join(one["held_by"]))
        typer.echo(f"held by {names}: {_day(one)}")


@class_app.command("set")
def class_set(
    name: Annotated[str, typer.Argument(help="A new name, or one to change.")],
    days: Annotated[
        int | None, typer.Option(help="Keep for so many whole days behind the day of receipt.")
    ] = None,
    for_ever: Annotated[bool, typer.Option("--for-ever", help="Keep for ever.")] = False,
    sure: SureOption = False,
    home: HomeOption = None,
) -> None:
    """Make a retention class, or change how long it is kept."""
    if (days is None) is not for_ever:
        raise UsageError("usage.days", "give either --days or --for-ever")
    body = {"days": days, "sure": sure}
    with api(home) as client:
        client.call("PUT", f"{_API}/classes/{segment(name)}", json=body)
    typer.echo(f"{printable(name)}: {_length(days)}")


@class_app.command("remove")
def class_remove(
    name: Annotated[str, typer.Argument(help="Its name.")], home: HomeOption = None
) -> None:
    """Forget a class that no rule and no hold uses. What is stored in it stays."""
    with api(home) as client:
        client.call("DELETE", f"{_API}/classes/{segment(name)}")
    typer.echo(f"forgotten: {printable(name)}; what is stored in it stays")


@rule_app.command("add")
def rule_add(
    retention: Annotated[str, typer.Option("--class", help="The class they belong to.")],
    network: Annotated[
        str | None, typer.Option(help="Sender's address or network, such as 192.0.2.0/24.")
    ] = None,
    certificate: Annotated[
        str | None, typer.Option(help="SHA-256 fingerprint of the sender's certificate.")
    ] = None,
    san: Annotated[
        str | None, typer.Option(help="DNS name or address in the sender's certificate.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="HOSTNAME in the message, or *.example.com.")
    ] = None,
    position: Annotated[
        int | None, typer.Option(help="Its number, from 1; the first rule that fits counts.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Say which records belong to a class, from now on; all that is given must fit."""
    body = {
        "retention": retention,
        "network": network,
        "certificate_sha256": certificate,
        "san": san,
        "host": host,
        "position": position,
    }
    with api(home) as client:
        made = client.call("POST", f"{_API}/rules", json=body)
    typer.echo(f"rule {made['number']}: class {printable(made['retention'])}, for new records")


@rule_app.command("remove")
def rule_remove(
    number: Annotated[int, typer.Argument(min=1, help="Its number.")], home: HomeOption = None
) -> None:
    """Forget a rule; records that are stored keep their class."""
    with api(home) as client:
        client.call("DELETE", f"{_API}/rules/{number}")
    typer.echo(f"rule {number} is removed; the ones behind it move up")


@retention_app.command("budget")
def budget(
    size: Annotated[str, typer.Argument(help="Such as 50GiB or 1.5TB; none: all of the disk.")],
    sure: SureOption = False,
    home: HomeOption = None,
) -> None:
    """Say how much of the disk stored records may take; the oldest days go first."""
    from sealwire.sensor.keeping_rules import size_of

    body = {"bytes": size_of(size), "sure": sure}
    with api(home) as client:
        answer = client.call("PUT", f"{_API}/budget", json=body)
    told = "all of the disk" if answer["bytes"] is None else f"{answer['bytes']} bytes"
    typer.echo(f"budget: {told}")


@hold_app.command("list")
def hold_list(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the legal holds that are not released."""
    with api(home) as client:
        listing = client.call("GET", _HOLDS)
    if json:
        show_json(listing)
        return
    show_table(
        [
            ("name", "NAME"),
            ("first", "FIRST DAY"),
            ("last", "LAST DAY"),
            ("retention", "CLASS"),
            ("in_force", "IN FORCE"),
            ("set_by", "SET BY"),
            ("since", "SINCE"),
            ("reason", "REASON"),
        ],
        [{**each, "retention": each["retention"] or "all"} for each in listing],
    )


@hold_app.command("set")
def hold_set(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    first: Annotated[str, typer.Option(help="First day of receipt (UTC), such as 2026-11-22.")],
    last: Annotated[str, typer.Option(help="Last day; it belongs to the hold.")],
    reason: ReasonOption,
    retention: ClassOption = None,
    home: HomeOption = None,
) -> None:
    """Keep days from being deleted until the hold is released."""
    body = {"name": name, "first": first, "last": last, "reason": reason, "retention": retention}
    with api(home) as client:
        client.call("POST", _HOLDS, json=body)
        in_force = _wait_in_force(client, name)
    now = "in force" if in_force else "in force as soon as the store process runs"
    typer.echo(f"held: {printable(name)}, {now}")


@hold_app.command("release")
def hold_release(
    name: Annotated[str, typer.Argument(help="Its name.")],
    reason: ReasonOption,
    sure: SureOption = False,
    home: HomeOption = None,
) -> None:
    """End a legal hold."""
    body = {"reason": reason, "sure": sure}
    with api(home) as client:
        client.call("POST", f"{_HOLDS}/{segment(name)}/release", json=body)
    typer.echo(f"released: {printable(name)}")


def _wait_in_force(client: ApiClient, name: str) -> bool:
    """Whether the chain of manifests names the hold, which takes the store process a moment."""
    from threading import Event

    from sealwire.clock import SystemClock

    clock, pause = SystemClock(), Event()
    until = clock.monotonic() + _IN_FORCE_SECONDS
    runs = bool(client.call("GET", _LISTENERS))
    while True:
        held = {each["name"]: each["in_force"] for each in client.call("GET", _HOLDS)}
        if held.get(name) or not runs or clock.monotonic() > until:
            return bool(held.get(name))
        pause.wait(_LOOK_EVERY)


def _show_classes(found: Mapping[str, Any]) -> None:
    rows = [
        {**each, "kept": _length(each["days"]) if each["named"] else "not named any more: kept"}
        for each in found["classes"]
    ]
    columns = [("name", "CLASS"), ("kept", "KEPT"), ("stored_days", "DAYS STORED")]
    show_table([*columns, ("records", "RECORDS"), ("bytes", "BYTES")], rows)


def _show_rules(found: Mapping[str, Any]) -> None:
    columns = [("number", "RULE"), ("retention", "CLASS"), ("network", "NETWORK")]
    columns += [("certificate_sha256", "CERTIFICATE"), ("san", "SAN"), ("host", "HOSTNAME")]
    show_table(columns, found["rules"])


def _show_days(found: Mapping[str, Any]) -> None:
    columns = [("day", "DAY"), ("retention", "CLASS"), ("segments", "SEGMENTS")]
    columns += [("records", "RECORDS"), ("bytes", "BYTES"), ("goes_on", "DELETED ON")]
    rows = [{**each, "held_by": ", ".join(each["held_by"]) or None} for each in found["days"]]
    show_table([*columns, ("held_by", "HELD BY")], rows)


def _when(one: Mapping[str, Any]) -> str:
    return f"now ({one['reason']})" if one["reason"] else f"on {one['goes_on']}"


def _day(one: Mapping[str, Any]) -> str:
    text = f"{one['day']} of class {one['retention']}, {one['records']} records"
    return printable(f"{text}, {one['bytes']} bytes")


def _length(days: int | None) -> str:
    return "for ever" if days is None else "1 day" if days == 1 else f"{days} days"
