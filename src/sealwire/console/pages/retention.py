"""*Sensors > Retention*: how long records are kept, legal holds, and what goes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import StreamingResponse

from sealwire.access.roles import Action
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.errors import RefusedError, SealwireError, UsageError
from sealwire.sensor.keeping_documents import keeping_document
from sealwire.sensor.keeping_rules import size_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.console.visit import Visit
    from sealwire.sensor.service import Sensor

_PAGE: Final = "/sensors/retention"


def view(visit: Visit) -> Response:
    """Classes, rules, holds, budget, what is stored, and what goes next."""
    sensor = _sensor(visit)
    keeping = sensor.keeping()
    budget = keeping.policy.budget_bytes
    return visit.page(
        "retention.html",
        name=visit.services.sensor_name,
        found=keeping_document(keeping),
        holds=sensor.holds(),
        class_names=[one.name for one in keeping.policy.classes],
        budget=visit.form.text("budget") or ("none" if budget is None else str(budget)),
        form=visit.form,
        export_since=visit.query("since"),
        export_until=visit.query("until"),
        changes=visit.may(Action.CONFIGURE_RETENTION),
        may_hold=visit.may(Action.HOLD_RECORDS),
    )


def set_class(visit: Visit) -> Response:
    """Make a class, or change how long it is kept."""
    text = visit.text("days")
    _sensor(visit).set_class(visit.actor, visit.text("name"), _days(text), sure=_sure(visit))
    return visit.see(_PAGE, "changed")


def remove_class(visit: Visit) -> Response:
    """Forget a class that nothing uses."""
    _sensor(visit).remove_class(visit.actor, visit.path("name"))
    return visit.see(_PAGE, "removed")


def add_rule(visit: Visit) -> Response:
    """Say which records belong to a class."""
    position = visit.text("position")
    _sensor(visit).add_rule(
        visit.actor,
        visit.text("retention"),
        network=visit.text("network"),
        certificate_sha256=visit.text("certificate_sha256"),
        san=visit.text("san"),
        host=visit.text("host"),
        position=_number(position) if position else None,
    )
    return visit.see(_PAGE, "added")


def remove_rule(visit: Visit) -> Response:
    """Forget a rule."""
    _sensor(visit).remove_rule(visit.actor, _number(visit.path("number")))
    return visit.see(_PAGE, "removed")


def set_budget(visit: Visit) -> Response:
    """How much of the disk stored records may take."""
    size = size_of(visit.text("budget"))
    _sensor(visit).set_budget(visit.actor, size, sure=_sure(visit))
    return visit.see(_PAGE, "changed")


def hold(visit: Visit) -> Response:
    """Keep days from being deleted."""
    _sensor(visit).hold(
        visit.actor,
        visit.text("hold_name"),
        first=visit.text("first"),
        last=visit.text("last"),
        reason=visit.text("reason"),
        retention=visit.text("hold_retention") or None,
    )
    return visit.see(_PAGE, "records-held")


def release(visit: Visit) -> Response:
    """End a hold."""
    reason = visit.text("release_reason")
    _sensor(visit).release(visit.actor, visit.path("name"), reason, sure=_sure(visit))
    return visit.see(_PAGE, "hold-released")


def export(visit: Visit) -> Response:
    """The evidence of some days as a file; recorded."""
    since, until = visit.query("since") or None, visit.query("until") or None
    retention = visit.query("retention") or None
    try:
        pieces = _sensor(visit).export(visit.actor, since, until, retention)
    except SealwireError as error:
        return view(visit.refused(error))
    headers = {"Content-Disposition": 'attachment; filename="records.tar"'}
    return StreamingResponse(pieces, media_type="application/x-tar", headers=headers)


def _sensor(visit: Visit) -> Sensor:
    return present(visit.services.sensor, "sensor")


def _sure(visit: Visit) -> bool:
    return visit.text("sure") == "yes"


def _days(text: str) -> int | None:
    """Empty and 0 are not for ever by accident: that has its own word."""
    if text.lower() in {"for ever", "forever"}:
        return None
    if not text:
        hint = "a number, or: for ever"
        raise RefusedError("retention.class", "days: how long is it to be kept?", hint=hint)
    return _number(text)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):  # noqa: PLR2004 - digits
        raise UsageError("retention.number", f"no whole number: {text}")
    return int(text)


ROUTES: Final = (
    get(_PAGE, Action.READ_SENSOR, view),
    get(f"{_PAGE}/export", Action.READ_SENSOR, export),
    post(f"{_PAGE}/classes", Action.CONFIGURE_RETENTION, set_class, again=view),
    post(f"{_PAGE}/classes/{{name}}/remove", Action.CONFIGURE_RETENTION, remove_class, again=view),
    post(f"{_PAGE}/rules", Action.CONFIGURE_RETENTION, add_rule, again=view),
    post(f"{_PAGE}/rules/{{number}}/remove", Action.CONFIGURE_RETENTION, remove_rule, again=view),
    post(f"{_PAGE}/budget", Action.CONFIGURE_RETENTION, set_budget, again=view),
    post(f"{_PAGE}/holds", Action.HOLD_RECORDS, hold, again=view),
    post(f"{_PAGE}/holds/{{name}}/release", Action.HOLD_RECORDS, release, again=view),
)
