"""A store in memory that keeps the ports' promises strictly, and fails when told to.

It is for tests: what it refuses, the SQL store refuses too (the same contract tests run on both),
and its fault switches show what a failed or unanswered commit does to a use case.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sealwire.errors import SealwireError
from sealwire.stores.memory_transaction import MemoryTransaction, Tables
from sealwire.stores.promises import TransactionMisuseError, unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class _Fault:
    """Counts down commits; 0 means off."""

    left: int = 0

    def strikes(self) -> bool:
        if self.left == 0:
            return False
        self.left -= 1
        return self.left == 0


class MemoryStore:
    """Implements ``audit.ports.Store`` for every transaction port.

    Isolation: a use case works on a copy, which replaces the state when it is committed; readers
    have the state that was current when they began. ``commits`` counts what was kept.
    """

    def __init__(self) -> None:
        self._tables = Tables()
        self._lock = threading.Lock()
        self._writing_thread: int | None = None
        self._before = _Fault()
        self._after = _Fault()
        self.commits = 0

    def fail_before_commit(self, nth: int = 1) -> None:
        """Let the ``nth`` commit from now on fail; nothing of it is kept."""
        self._before.left = nth

    def fail_after_commit(self, nth: int = 1) -> None:
        """Let the ``nth`` commit from now on be kept, but its caller not learn of it."""
        self._after.left = nth

    def run(self, use_case: Callable[[MemoryTransaction], ResultT]) -> ResultT:
        """Run ``use_case`` and keep what it did.

        Raises UnavailableError ``store.unavailable`` where a fault was asked for, and
        TransactionMisuseError for a use case inside a use case.
        """
        with self._sole_writer():
            tables = self._tables.copy()
            result = _use(MemoryTransaction(tables, writable=True), use_case)
            if self._before.strikes():
                raise unavailable("the commit failed, as asked for")
            self._tables = tables
            self.commits += 1
            if self._after.strikes():
                raise unavailable("the answer to the commit was lost, as asked for")
            return result

    def run_each(
        self, use_cases: Sequence[Callable[[MemoryTransaction], ResultT]]
    ) -> list[ResultT | SealwireError]:
        """One after the other; see Store."""
        return [self._outcome(use_case) for use_case in use_cases]

    def _outcome(self, use_case: Callable[[MemoryTransaction], ResultT]) -> ResultT | SealwireError:
        try:
            return self.run(use_case)
        except SealwireError as error:
            return error

    def read(self, query: Callable[[MemoryTransaction], ResultT]) -> ResultT:
        """Run ``query`` on the committed state; it cannot write."""
        return _use(MemoryTransaction(self._tables, writable=False), query)

    def close(self) -> None:
        """Nothing to do; a store can be closed."""

    @contextmanager
    def _sole_writer(self) -> Iterator[None]:
        if self._writing_thread == threading.get_ident():
            raise TransactionMisuseError("a use case does not run inside another one")
        with self._lock:
            self._writing_thread = threading.get_ident()
            try:
                yield
            finally:
                self._writing_thread = None


def _use(tx: MemoryTransaction, use_case: Callable[[MemoryTransaction], ResultT]) -> ResultT:
    try:
        return use_case(tx)
    finally:
        tx.end()
