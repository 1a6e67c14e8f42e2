"""A store and keys of a process that is killed at a chosen step.

A step is a change that a use case makes in its transaction, the transaction's end before the
commit, the commit before its answer, the linter's verdict, or a signature.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, TypeVar

from sealwire.ca.signing import stand_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.ca.ports import SigningKeys
    from sealwire.ca.signing import IssuerKey
    from sealwire.errors import SealwireError
    from sealwire.stores.sql import SqlStore
    from sealwire.stores.sql_transaction import SqlTransaction
    from sealwire.x509.keys import KeyType, PublicKey

ResultT = TypeVar("ResultT")
CHANGES = frozenset(
    {
        "add_approval",
        "add_profile_version",
        "append_record",
        "insert_certificate",
        "insert_request",
        "next_request_id",
        "put_ca_certificates",
        "put_crl",
        "put_profile_state",
        "put_setting",
        "remove_profile_state",
        "update_request",
        "update_revocation",
    }
)


class Fate:
    """Counts steps once it is said to; at the last one the process is killed by ``kill -9``."""

    def __init__(self, last: int) -> None:
        self.left = last
        self.counts = False

    def step(self, name: str) -> None:
        if not self.counts:
            return
        self.left -= 1
        if self.left == 0:
            os.write(1, f"{name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


class DyingTransaction:
    """Does what the other one does, and dies after it."""

    def __init__(self, inner: SqlTransaction, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    def __getattr__(self, name: str) -> object:
        method = getattr(self._inner, name)
        if name not in CHANGES:
            return method

        def and_die(*values: object, **named: object) -> object:
            result = method(*values, **named)
            self._fate.step(f"in the transaction, after {name}")
            return result

        return and_die


class DyingStore:
    """A store of a process that dies."""

    def __init__(self, inner: SqlStore, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    def run(self, use_case: Callable[[Any], ResultT]) -> ResultT:
        def to_the_commit(tx: SqlTransaction) -> ResultT:
            result = use_case(DyingTransaction(tx, self._fate))
            self._fate.step("before the commit")
            return result

        result = self._inner.run(to_the_commit)
        self._fate.step("after the commit, before the answer")
        return result

    def run_each(
        self, use_cases: Sequence[Callable[[Any], ResultT]]
    ) -> list[ResultT | SealwireError]:
        return [self.run(use_case) for use_case in use_cases]

    def read(self, query: Callable[[SqlTransaction], ResultT]) -> ResultT:
        return self._inner.read(query)


class DyingKeys:
    """Keys whose process dies once they have signed."""

    def __init__(self, inner: SigningKeys, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    def make_key(self, key_type: KeyType) -> PublicKey:
        return self._inner.make_key(key_type)

    def signer(self, key_id: str) -> IssuerKey:
        key = self._inner.signer(key_id)

        def sign_and_die(*given: Any) -> bytes:  # noqa: ANN401 - passed through
            signature = key.sign(*given)
            self._fate.step("after the signature")
            return signature

        return stand_in(key.public_key(), sign_and_die)
