"""What the doctor is asked over the API, and the port that answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sealwire.identity.checkup import Checkup


@dataclass(frozen=True, slots=True)
class Question:
    """Whom to look at, and how.

    ``trust_pem``: anchors, empty for the node's own CA and the public ones. ``lists``: revocation
    lists, PEM or DER. ``show_own``: show the appliance's client certificate. ``timeout``: seconds
    for each wait.
    """

    host: str
    port: int
    server_name: str = ""
    trust_pem: str = ""
    lists: tuple[bytes, ...] = ()
    show_own: bool = False
    message: bool = True
    timeout: float = 5.0


class Examiner(Protocol):
    """Looks at a server. Blocks for a bounded time; safe to call from any thread."""

    def __call__(self, question: Question) -> Checkup:
        """Every step. Raises RefusedError for a question that cannot be asked.

        UnavailableError ``doctor.busy`` when too many look already.
        """
        ...
