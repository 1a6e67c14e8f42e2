from itertools import product

import pytest

from sealwire.ca.ports import RequestStatus
from sealwire.ca.requests import (
    TRANSITIONS,
    RequestAction,
    Requestor,
    check_reason,
    check_requestor,
    next_status,
)
from sealwire.errors import ConflictError, RefusedError

ENDS = {
    RequestAction.APPROVE: RequestStatus.COMPLETE,
    RequestAction.REJECT: RequestStatus.REJECTED,
    RequestAction.CANCEL: RequestStatus.CANCELED,
    RequestAction.UPDATE: RequestStatus.PENDING,
    RequestAction.VALIDATE: RequestStatus.PENDING,
    RequestAction.ASSIGN: RequestStatus.PENDING,
    RequestAction.UNASSIGN: RequestStatus.PENDING,
}


@pytest.mark.parametrize(("status", "action"), list(product(RequestStatus, RequestAction)))
def test_every_pair_of_state_and_action(status: RequestStatus, action: RequestAction) -> None:
    if status is RequestStatus.PENDING:
        assert next_status(status, action) is ENDS[action]
        return
    with pytest.raises(ConflictError, match=r"^Request Not In Pending State$") as refused:
        next_status(status, action)
    assert refused.value.code == "request.not_pending"


def test_terminal_states_lead_nowhere() -> None:
    assert {status for status, _ in TRANSITIONS} == {RequestStatus.PENDING}


@pytest.mark.parametrize("text", [None, "", "   "])
def test_no_reason_is_none(text: str | None) -> None:
    assert check_reason(text) is None


@pytest.mark.parametrize("text", ["two\nlines", "bell\x07", "\x1b[2J", "x" * 1025, "a\x00b"])
def test_a_reason_that_could_forge_a_line_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        check_reason(text)
    assert refused.value.code == "reason.invalid"


def test_a_reason_keeps_its_brackets_for_the_audit_format_to_escape() -> None:
    assert check_reason(" [Outcome=Success] ") == "[Outcome=Success]"


def test_all_faults_of_a_requestor_at_once() -> None:
    with pytest.raises(RefusedError) as refused:
        check_requestor(Requestor(name="a\nb", email="x" * 300, phone="\x1b"))
    assert len(refused.value.findings) == 3
