"""``ca-cert-request-*``: what agents and requestors do with requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sealwire.cli.files import read_input
from sealwire.cli.output import JsonOption, show_json
from sealwire.cli.pki import request_output as out
from sealwire.cli.pki.connection import ask, sessions_of
from sealwire.cli.pki.profile_output import profiles_found, template_shown
from sealwire.cli.pki.reading import json_object, number_of, total_of
from sealwire.cli.pki.showing import save, tell
from sealwire.cli.pki.showing import show as tell_or_json
from sealwire.cli.pki_output import boxed, parse_number, visible
from sealwire.cli.session import segment
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from sealwire.bootstrap.dogtag import DogtagClient

_AGENT: Final = "agent/certrequests"

RequestId = Annotated[str, typer.Argument(metavar="REQUEST_ID", help="Decimal or 0x hex.")]
StartOption = Annotated[
    str | None, typer.Option("--start", help="From this request ID on (API v2: skip so many).")
]
SizeOption = Annotated[int | None, typer.Option("--size", min=1, help="Page size.")]
OutputOption = Annotated[Path | None, typer.Option("--output", help="Write to this file.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Do not ask.")]
InputFileOption = Annotated[
    Path | None, typer.Option("--input-file", help="The request as changed after a review.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it goes into the audit log.")]


def find(
    context: typer.Context,
    status: Annotated[str, typer.Option(help="pending, canceled, rejected, complete, all.")] = "",
    kind: Annotated[str, typer.Option("--type", help="enrollment, renewal, revocation, all.")] = "",
    start: StartOption = None,
    size: SizeOption = None,
    most: Annotated[int | None, typer.Option("--maxResults", help="At most so many.")] = None,
    seconds: Annotated[int | None, typer.Option("--timeout", help="Search so long.")] = None,
    json: JsonOption = False,
) -> None:
    """Find certificate requests."""
    state = "canceled" if status == "cancelled" else status
    asked = {
        "requestState": None if state in {"", "all"} else state,
        "requestType": None if kind in {"", "all"} else kind,
        "start": None if start is None else parse_number(start, what="start"),
        "pageSize": size,
        "size": size,
        "maxResults": most,
        "maxTime": seconds,
    }
    with sessions_of(context).session() as ca:
        listed = ca.get(_AGENT, **asked)
        form = ca.info.audit_format
    tell_or_json(
        listed,
        lambda: out.found(out.request_infos(listed), total_of(listed), form),
        json=json,
    )


def show(context: typer.Context, request_id: RequestId, json: JsonOption = False) -> None:
    """Show certificate request."""
    number = parse_number(request_id)
    with sessions_of(context).session() as ca:
        request = ca.get(f"certrequests/{hex(number)}")
        form = ca.info.audit_format
    tell_or_json(request, lambda: out.shown(out.request_info(request), form), json=json)


def review(
    context: typer.Context,
    request_id: RequestId,
    action: Annotated[str, typer.Option(help=f"{', '.join(out.ACTIONS)}.")] = "",
    file: Annotated[
        Path | None, typer.Option("--file", help="Write it here, wait, read it again.")
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output-file", help="Write it here and end.")
    ] = None,
    reason: ReasonOption = "",
    json: JsonOption = False,
) -> None:
    """Review certificate request."""
    number = parse_number(request_id)
    stored_in = file or output_file
    if action and stored_in is not None:
        raise UsageError("pki.options", "Action and filename are mutually exclusive")
    if action:
        _must_be_action(action, reason)
    with sessions_of(context).session() as ca:
        document = ca.get(f"{_AGENT}/{hex(number)}")
        if json:
            show_json(document)
            return
        if not action:
            tell(out.retrieved(out.review_info(document), ca.info.audit_format))
        if stored_in is not None:
            save(document, stored_in)
        if output_file is not None:
            tell(out.stored(number, str(output_file), ca.info.audit_format))
            return
        action = action or _asked_action(file)
        if action:
            _must_be_action(action, reason)
            changed = document if file is None else _loaded(file, number, document)
            _act(ca, number, action, changed, reason)


def _decider(action: str) -> Callable[..., None]:
    """The word that carries out one action."""

    def decide(
        context: typer.Context,
        request_id: RequestId,
        input_file: InputFileOption = None,
        force: ForceOption = False,
    ) -> None:
        _decide(context, request_id, action, input_file, force=force)

    def decide_with_reason(
        context: typer.Context,
        request_id: RequestId,
        input_file: InputFileOption = None,
        force: ForceOption = False,
        reason: ReasonOption = "",
    ) -> None:
        _decide(context, request_id, action, input_file, force=force, reason=reason)

    chosen = decide_with_reason if action in out.REASONED else decide
    chosen.__doc__ = f"{action.capitalize()} certificate request."
    return chosen


def find_templates(
    context: typer.Context,
    start: Annotated[int | None, typer.Option("--start", help="Page start.")] = None,
    size: SizeOption = None,
    json: JsonOption = False,
) -> None:
    """List enrollment templates."""
    with sessions_of(context).session() as ca:
        listed = ca.get("certrequests/profiles", start=start, size=size)
    tell_or_json(listed, lambda: profiles_found(listed), json=json)


def show_template(
    context: typer.Context,
    profile_id: str,
    output: OutputOption = None,
    json: JsonOption = False,
) -> None:
    """Get enrollment template."""
    with sessions_of(context).session() as ca:
        template = ca.get(f"certrequests/profiles/{segment(profile_id)}")
    name = visible(profile_id)
    if output is not None:
        save(template, output)
        tell("", box=f"Saved enrollment template for {name} to {visible(str(output))}")
        return
    head = boxed(f'Enrollment Template for Profile "{name}"')
    tell_or_json(template, lambda: head + template_shown(template), json=json)


WORDS: Final[dict[str, Callable[..., None]]] = {
    "ca-cert-request-find": find,
    "ca-cert-request-show": show,
    "ca-cert-request-review": review,
    **{f"ca-cert-request-{action}": _decider(action) for action in out.ACTIONS},
    "ca-cert-request-profile-find": find_templates,
    "ca-cert-request-profile-show": show_template,
}


def _decide(
    context: typer.Context,
    request_id: str,
    action: str,
    input_file: Path | None,
    *,
    force: bool,
    reason: str = "",
) -> None:
    number = parse_number(request_id)
    with sessions_of(context).session() as ca:
        document = ca.get(f"{_AGENT}/{hex(number)}")
        if input_file is not None:
            document = _loaded(input_file, number, document)
        elif not force:
            review_shown = out.review_block(out.review_info(document), ca.info.audit_format)
            tell(review_shown)
            if ask(out.CONFIRM_PROMPT).lower() != "y":
                return
        _act(ca, number, action, document, reason)


def _act(ca: DogtagClient, number: int, action: str, document: dict[str, Any], reason: str) -> None:
    """Post what was reviewed back, its nonce in it, and show what became of the request."""
    if reason:
        document["requestNotes"] = reason
    ca.post(f"{_AGENT}/{hex(number)}/{action}", document)
    request = out.request_info(ca.get(f"certrequests/{hex(number)}"))
    tell(out.reviewed(request, action, ca.info.audit_format))


def _asked_action(file: Path | None) -> str:
    if file is not None:
        typer.echo(
            f"Please review the certificate request in {visible(str(file))}.\n"
            "Update the file if necessary, then select an action below.\n"
        )
    while True:
        action = ask(out.REVIEW_PROMPT).lower()
        if not action or action in out.ACTIONS:
            return action
        typer.echo(f"Invalid action: {visible(action)}")


def _must_be_action(action: str, reason: str) -> None:
    if action not in out.ACTIONS:
        words = ", ".join(out.ACTIONS)
        raise UsageError("pki.action", f"Invalid action: {visible(action)}", hint=f"one of {words}")
    if reason and action not in out.REASONED:
        raise UsageError("pki.reason", "only reject and cancel take a reason")


def _loaded(file: Path, number: int, seen: dict[str, Any]) -> dict[str, Any]:
    """The request as it was changed in ``file``, with the nonce of the review just made."""
    document = json_object(read_input(file), file, "certificate request")
    try:
        same = number_of(document["requestId"]) == number
    except (KeyError, UsageError):
        same = False
    if not same:
        raise UsageError("pki.input_file", f"Incorrect certificate request in {file}")
    return {**document, "nonce": seen.get("nonce")}
