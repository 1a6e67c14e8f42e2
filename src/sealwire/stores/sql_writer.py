"""The one writer: a thread that runs waiting use cases in savepoints and commits them together."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from contextlib import closing
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import DBAPIError

from sealwire.errors import SealwireError
from sealwire.stores.promises import TransactionMisuseError, unavailable
from sealwire.stores.sql_connection import TransactionConnection, driver_error, engine_error
from sealwire.stores.sql_transaction import SqlTransaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Engine

ResultT = TypeVar("ResultT")


class _EngineFailedError(Exception):
    """The engine may have ended the transaction: the whole batch is lost."""

    def __init__(self, cause: SealwireError) -> None:
        super().__init__(cause.message)
        self.cause = cause


@dataclass(eq=False, slots=True)
class _Job:
    """A use case that waits for its answer."""

    use_case: Callable[[SqlTransaction], Any]
    answer: Future[Any] = field(default_factory=Future)
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Owns the writing engine. ``run`` may be called from any thread but the writer's own."""

    def __init__(self, engine: Engine, max_batch: int) -> None:
        self._engine = engine
        self._max_batch = max_batch
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="sealwire-writer", daemon=True)
        self._thread.start()

    def run(self, use_case: Callable[[SqlTransaction], ResultT]) -> ResultT:
        """The result of ``use_case``, after the commit that made it durable."""
        if threading.current_thread() is self._thread:
            raise TransactionMisuseError("a use case does not run inside another one")
        [job] = self._queued([use_case])
        result: ResultT = job.answer.result()
        return result

    def run_each(
        self, use_cases: Sequence[Callable[[SqlTransaction], ResultT]]
    ) -> list[ResultT | SealwireError]:
        """Queue as many as one commit takes, wait for them, go on; see Store."""
        if threading.current_thread() is self._thread:
            raise TransactionMisuseError("a use case does not run inside another one")
        outcomes: list[ResultT | SealwireError] = []
        for start in range(0, len(use_cases), self._max_batch):
            jobs = self._queued(use_cases[start : start + self._max_batch])
            wait(job.answer for job in jobs)
            outcomes += [_outcome(job) for job in jobs]
        return outcomes

    def _queued(self, use_cases: Sequence[Callable[[SqlTransaction], Any]]) -> Sequence[_Job]:
        jobs = [_Job(use_case) for use_case in use_cases]
        with self._closing:
            self.check_open()
            for job in jobs:
                self._queue.put(job)
        return jobs

    def check_open(self) -> None:
        """Raise UnavailableError ``store.unavailable`` after ``close``."""
        if self._closed:
            raise unavailable("it was closed")

    def close(self) -> None:
        """Answer what waits, end the thread, close the connection."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()
        self._engine.dispose()

    def _work(self) -> None:
        running = True
        while running:
            waiting = [self._queue.get()]
            try:
                while len(waiting) < self._max_batch:
                    waiting.append(self._queue.get_nowait())
            except Empty:
                pass
            # Nothing is queued after the None of close().
            running = waiting[-1] is not None
            batch = [job for job in waiting if job is not None]
            if batch:
                self._commit(batch)

    def _commit(self, batch: Sequence[_Job]) -> None:
        try:
            with self._engine.connect() as connection:
                self._run_batch(connection, batch)
        except _EngineFailedError as failed:
            _fail(batch, failed.cause)
        except DBAPIError as error:
            _fail(batch, engine_error(error))
        except Exception as error:  # noqa: BLE001 - a caller must never wait for ever
            _fail(batch, unavailable(type(error).__name__))
        for job in batch:
            if job.error is not None:
                job.answer.set_exception(job.error)
            else:
                job.answer.set_result(job.result)

    def _run_batch(self, connection: Connection, batch: Sequence[_Job]) -> None:
        try:
            with connection.begin() as transaction:
                for job in batch:
                    _run_job(connection, job, alone=len(batch) == 1)
                if all(job.error is not None for job in batch):
                    transaction.rollback()
        except BaseException:
            # After a failed statement or commit, no later batch may trust this connection.
            connection.invalidate()
            raise


def _run_job(connection: Connection, job: _Job, *, alone: bool) -> None:
    sql = TransactionConnection(connection, writable=True)
    if not alone:
        _command(connection, "SAVEPOINT use_case")
    try:
        job.result = job.use_case(SqlTransaction(sql))
    except BaseException as error:  # noqa: BLE001 - it is the caller's, and is given back
        job.error = error
    finally:
        sql.end()
    if sql.engine_failed and sql.failure is not None:
        raise _EngineFailedError(sql.failure)
    # A use case cannot make up for a refused statement by swallowing the error.
    job.error = job.error or sql.failure
    if alone:
        return
    if job.error is not None:
        _command(connection, "ROLLBACK TO SAVEPOINT use_case")
    _command(connection, "RELEASE SAVEPOINT use_case")


def _command(connection: Connection, text: str) -> None:
    """Past SQLAlchemy, as what is prepared: there are two for each use case."""
    try:
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(text)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _EngineFailedError(driver_error(error)) from error


def _outcome(job: _Job) -> Any:  # noqa: ANN401 - what the use case gives
    try:
        return job.answer.result()
    except SealwireError as error:
        return error


def _fail(batch: Sequence[_Job], cause: SealwireError) -> None:
    """Nothing of the batch was kept; use cases that failed by themselves keep their own error."""
    for job in batch:
        if job.error is None:
            job.error = type(cause)(cause.code, cause.message, hint=cause.hint)
