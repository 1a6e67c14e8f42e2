"""Log-ins, with their audit record."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.access.ports import UserTx
from sealwire.access.users import authenticate_certificate, authenticate_password
from sealwire.audit.events import auth_failure, auth_success
from sealwire.audit.ports import TrailTx
from sealwire.errors import UnauthorizedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.access.roles import Principal
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder

BY_CERTIFICATE: Final = "certUserDBAuthMgr"
BY_USER_NAME: Final = "passwdUserDBAuthMgr"
"""Dogtag's names for the two ways to log in."""

_LONGEST_NAME: Final = 256


class LogInTx(TrailTx, UserTx, Protocol):
    """What a log-in touches."""


class LogIn:
    """Recognises people and records who came and who was refused, in ``trail``."""

    def __init__(self, store: Store[LogInTx], recorder: Recorder, trail: str) -> None:
        self._store = store
        self._recorder = recorder
        self._trail = trail

    def by_certificate(self, der: bytes, *, address: str, announce: bool) -> Principal:
        """Whose certificate this is (DER, verified by TLS).

        ``announce`` records the success too. Raises UnauthorizedError, after recording it.
        """
        sha256 = hashlib.sha256(der).hexdigest()
        return self._log_in(
            BY_CERTIFICATE,
            f"certificate {sha256}",
            lambda tx: authenticate_certificate(tx, sha256),
            address=address,
            announce=announce,
        )

    def by_password(self, name: str, password: str, *, address: str, announce: bool) -> Principal:
        """Whose password this is. Raises UnauthorizedError, after recording the name as typed."""
        return self._log_in(
            BY_USER_NAME,
            name[:_LONGEST_NAME],
            lambda tx: authenticate_password(tx, name, password),
            address=address,
            announce=announce,
        )

    def _log_in(
        self,
        manager: str,
        attempted: str,
        recognise: Callable[[LogInTx], Principal],
        *,
        address: str,
        announce: bool,
    ) -> Principal:
        try:
            principal = self._store.read(recognise)
        except UnauthorizedError as error:
            failure = auth_failure(attempted, manager, info=f"from {address}: {error.code}")
            self._store.run(lambda tx: self._recorder.record(tx, self._trail, failure))
            raise
        if announce:
            success = auth_success(principal.name, manager)
            self._store.run(lambda tx: self._recorder.record(tx, self._trail, success))
        return principal
