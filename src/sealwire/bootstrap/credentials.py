"""Makes the CA and leaves the credentials that people need in the home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sealwire.ca.setup import SetupPlan

if TYPE_CHECKING:
    from sealwire.bootstrap.home import Home
    from sealwire.ca.service import CertificateAuthority
    from sealwire.ca.setup import Initialised
    from sealwire.x509.keys import KeyType


@dataclass(frozen=True, slots=True)
class CaSetup:
    """``ca init``: the CA in the store, the agent's certificate and the roots as files."""

    home: Home
    authority: CertificateAuthority

    def __call__(self, key_type: KeyType, organization: str, actor: str) -> dict[str, Any]:
        """What was made, with the one-time password, which is kept nowhere in clear.

        Raises ConflictError ``ca.initialised``, RefusedError for a name that cannot be used.
        """
        plan = SetupPlan(key_type=key_type, organization=organization)
        made = self.authority.initialise(plan, actor=actor)
        self._hand_over(made)
        return {
            "issuing_subject": made.issuing_subject,
            "root_subject": made.root_subject,
            "agent": made.agent,
            "password": made.one_time_password,
        }

    def _hand_over(self, made: Initialised) -> None:
        folder = self.home.credentials
        self.home.write_private(folder / f"{made.agent}.pem", made.agent_pem.encode("ascii"))
        self.home.write_private(folder / "ca-roots.pem", made.root_pem.encode("ascii"))
