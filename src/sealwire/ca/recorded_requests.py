"""What the trail says of a request before its certificate: how it came in, and who agreed.

The trail can only grow, so a request whose row says something else was altered in the store:
handed in by somebody else, for another profile, under another name, or with an approval that
nobody gave.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from sealwire.audit.events import EventName, Outcome
from sealwire.audit.formats import safe_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from sealwire.audit.ports import TrailRecord
    from sealwire.ca.evidence import Fault
    from sealwire.ca.ports import Request

_NUMBER: Final = r"\[ReqID=(?P<request>0x[0-9a-f]+|[0-9]+)\]"
_SUBMITTED: Final = re.compile(
    _NUMBER + r"\[ProfileID=(?P<profile>[^\[\]]*)\]\[CertSubject=(?P<subject>[^\[\]]*)\]"
)
_AGREED: Final = re.compile(_NUMBER)


class RecordedRequests:
    """Filled record by record; keeps a digest for each request, and names of first approvers."""

    def __init__(self) -> None:
        self._submissions: dict[int, bytes] = {}
        self._agreed: dict[int, set[str]] = defaultdict(set)

    def note(self, record: TrailRecord) -> None:
        """Keep what ``record`` says, if it is about a request that came in or was agreed to."""
        if record.outcome != Outcome.SUCCESS:
            return
        if record.event == EventName.PROFILE_CERT_REQUEST:
            self._note_submission(record)
        elif record.event == EventName.CERT_REQUEST_APPROVAL:
            self._note_approval(record)

    def _note_submission(self, record: TrailRecord) -> None:
        found = _SUBMITTED.search(record.text)
        if found is not None:
            said = _digest(record.subject_id, found["profile"], found["subject"])
            self._submissions[int(found["request"], 0)] = said

    def _note_approval(self, record: TrailRecord) -> None:
        found = _AGREED.search(record.text)
        if found is not None:
            self._agreed[int(found["request"], 0)].add(record.subject_id)

    def agreed(self, request_id: int) -> AbstractSet[str]:
        """Whose approvals, the last one left out, are recorded."""
        return self._agreed.get(request_id, frozenset())

    def faults(self, request: Request) -> Iterator[Fault]:
        """What differs; nothing when the submission was not recorded: its event can be off."""
        said = self._submissions.get(request.request_id)
        own = _digest(request.submitted_by, request.profile_id, safe_value(request.subject))
        if said is not None and said != own:
            yield (
                "submission_differs",
                "was handed in by somebody else, for another profile or subject, says its record",
            )


def _digest(*values: str) -> bytes:
    return hashlib.sha256("\n".join(values).encode("utf-8", "surrogatepass")).digest()
