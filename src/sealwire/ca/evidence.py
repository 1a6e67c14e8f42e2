"""Approvals as evidence: which of them hold for a request, and whether a complete one has its due.

An approval says yes to a CSR, a version of a profile and the exact bytes to be signed. Changed
bytes void it; it stays where it is.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from sealwire.ca.ports import Approval
from sealwire.ca.profile_register import stored_profile
from sealwire.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from sealwire.ca.ports import CaTx, Request
    from sealwire.ca.profiles import ApprovalRules

Fault = tuple[str, str]
"""A code, and what is wrong with the request."""


def approval_of(request: Request, approver: str, time: datetime, credential: str) -> Approval:
    """``approver``'s yes to what ``request`` says now."""
    return Approval(
        request_id=request.request_id,
        approver=approver,
        time=time,
        credential=credential,
        csr_sha256=request.csr_sha256,
        profile_version=request.profile_version,
        profile_digest=request.profile_digest,
        tbs_sha256=request.tbs_sha256 or "",
    )


def counted_approvals(request: Request, approvals: Iterable[Approval]) -> tuple[Approval, ...]:
    """Those of ``approvals`` that hold for exactly what ``request`` says now."""
    wanted = _binding(request)
    return tuple(each for each in approvals if _binding(each) == wanted)


def _binding(row: Request | Approval) -> tuple[object, ...]:
    return (
        row.request_id,
        row.csr_sha256,
        row.profile_version,
        row.profile_digest,
        row.tbs_sha256,
    )


class Evidence:
    """Judges the evidence of complete requests, in the order of their numbers."""

    def __init__(self, tx: CaTx) -> None:
        self._tx = tx
        self._rules: dict[tuple[str, int], tuple[str, ApprovalRules] | None] = {}
        first = (tx.profile_version(state.profile_id, 1) for state in tx.profile_states())
        self._began = min((each.created for each in first if each is not None), default=None)

    def judged(
        self,
        requests: Sequence[Request],
        approvers: Mapping[int, str],
        agreed: Callable[[int], AbstractSet[str]],
    ) -> Iterator[tuple[Request, Sequence[Fault]]]:
        """Each request with what is wrong with its evidence.

        ``approvers`` says by request who the audit record of its certificate names, ``agreed``
        whom those of earlier approvals name.
        """
        first, last = requests[0].request_id, requests[-1].request_id
        approvals: dict[int, list[Approval]] = defaultdict(list)
        for approval in self._tx.approvals_between(first, last):
            approvals[approval.request_id].append(approval)
        for request in requests:
            given = approvals.get(request.request_id, ())
            recorded = approvers.get(request.request_id)
            names = None if recorded is None else {recorded, *agreed(request.request_id)}
            yield request, list(self._faults(request, given, recorded, names))

    def _faults(
        self,
        request: Request,
        given: Sequence[Approval],
        recorded: str | None,
        names: AbstractSet[str] | None,
    ) -> Iterator[Fault]:
        if hashlib.sha256(request.csr_der).hexdigest() != request.csr_sha256:
            yield "request_altered", "has another CSR than was submitted"
        decided_before = self._began is None or request.modified <= self._began
        if request.profile_version == 0 and decided_before:
            # There was no evidence then; what was decided later cannot say so.
            return
        known = self._rules_of(request)
        if known is None or known[0] != request.profile_digest:
            yield "profile_unknown", "was judged by a version of its profile that is not there"
            return
        yield from _approval_faults(request, known[1], given, recorded)
        counted = {each.approver for each in counted_approvals(request, given)}
        if names is not None and (unrecorded := counted - names):
            who = ", ".join(sorted(unrecorded))
            yield "approval_without_record", f"has an approval by {who} that no record tells of"

    def _rules_of(self, request: Request) -> tuple[str, ApprovalRules] | None:
        key = request.profile_id, request.profile_version
        if key not in self._rules:
            stored = self._tx.profile_version(*key)
            try:
                rules = stored and stored_profile(stored).approval
            except ConflictError:
                rules = None
            self._rules[key] = (stored.digest, rules) if stored and rules else None
        return self._rules[key]


def _approval_faults(
    request: Request, rules: ApprovalRules, given: Sequence[Approval], recorded: str | None
) -> Iterator[Fault]:
    approvers = {each.approver for each in counted_approvals(request, given)}
    if len(approvers) != rules.approvers:
        needed = f"has {len(approvers)} of {rules.approvers} approvals of what was issued"
        yield "approvals_missing", needed
    if recorded is not None and approvers and recorded not in approvers:
        yield "approver_differs", f"was approved by others than {recorded}, whom the record names"
    if rules.separate_submitter and request.submitted_by in approvers:
        yield "own_approval", "was approved by who submitted it"
