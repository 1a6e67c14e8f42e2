"""Requests and the evidence of their approval in one SQL transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, select, update

from sealwire.stores import promises
from sealwire.stores import sql_rows as rows
from sealwire.stores import sql_schema as schema
from sealwire.stores.sql_prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from sealwire.ca.ports import Approval, Request, RequestStatus, RequestType
    from sealwire.stores.sql_connection import TransactionConnection

_ONE_REQUEST: Final = rows.REQUESTS.select().where(
    schema.requests.c.request_id == bindparam("wanted")
)
_REQUEST: Final = Prepared(_ONE_REQUEST)
_LOCK_REQUEST: Final = Prepared(_ONE_REQUEST.with_for_update())
_UPDATE_REQUEST: Final = Prepared(
    update(schema.requests)
    .where(
        schema.requests.c.request_id == bindparam("wanted"),
        schema.requests.c.status == bindparam("expected"),
    )
    .values({name: bindparam(f"new_{name}") for name in rows.REQUESTS.columns})
)


class SqlRequests:
    """The part of a transaction that satisfies RequestTx."""

    _sql: TransactionConnection

    def next_request_id(self) -> int:
        """See RequestTx."""
        return self._sql.next_count(schema.counters, "request")

    def insert_request(self, request: Request) -> None:
        """See RequestTx."""
        _check_request(request)
        if not self._sql.insert_new(schema.requests, rows.REQUESTS.values(request)):
            raise promises.request_taken(request.request_id)

    def lock_request(self, request_id: int) -> Request | None:
        """See RequestTx."""
        self._sql.must_write()
        return self._sql.first(rows.REQUESTS, _LOCK_REQUEST, {"wanted": request_id})

    def update_request(self, request: Request, *, expected: RequestStatus) -> None:
        """See RequestTx."""
        _check_request(request)
        values = rows.REQUESTS.values(request)
        named = {f"new_{name}": value for name, value in values.items()}
        known = {"wanted": request.request_id, "expected": expected}
        if self._sql.change(_UPDATE_REQUEST, named | known) != 1:
            raise promises.request_changed(request.request_id)

    def request(self, request_id: int) -> Request | None:
        """See RequestTx."""
        return self._sql.first(rows.REQUESTS, _REQUEST, {"wanted": request_id})

    def find_requests(
        self,
        *,
        status: RequestStatus | None,
        start: int,
        limit: int,
        request_type: RequestType | None = None,
        skip: int = 0,
    ) -> Sequence[Request]:
        """See RequestTx."""
        table = schema.requests
        statement = rows.REQUESTS.select().where(
            table.c.request_id >= start, *_matching(status, request_type)
        )
        return self._sql.all(
            rows.REQUESTS, statement.order_by(table.c.request_id).limit(limit).offset(skip)
        )

    def count_requests(
        self, *, status: RequestStatus | None, request_type: RequestType | None = None
    ) -> int:
        """See RequestTx."""
        statement = select(func.count()).select_from(schema.requests)
        counted = statement.where(*_matching(status, request_type))
        return int(self._sql.execute(counted).scalar_one())

    # Evidence

    def add_approval(self, approval: Approval) -> None:
        """See RequestTx."""
        self._sql.must_write()
        promises.check_texts(approval)
        if not self._sql.insert_new(schema.approvals, rows.APPROVALS.values(approval)):
            raise promises.approved_before(approval.approver)

    def approvals(self, request_id: int) -> Sequence[Approval]:
        """See RequestTx."""
        table = schema.approvals
        statement = rows.APPROVALS.select().where(table.c.request_id == request_id)
        return self._sql.all(rows.APPROVALS, statement.order_by(table.c.time, table.c.approver))

    def approvals_between(self, first: int, last: int) -> Sequence[Approval]:
        """See RequestTx."""
        table = schema.approvals
        statement = rows.APPROVALS.select().where(table.c.request_id.between(first, last))
        ordered = statement.order_by(table.c.request_id, table.c.time, table.c.approver)
        return self._sql.all(rows.APPROVALS, ordered)


def _matching(
    status: RequestStatus | None, request_type: RequestType | None
) -> list[ColumnElement[bool]]:
    table = schema.requests
    narrowed = []
    if status is not None:
        narrowed.append(table.c.status == status)
    if request_type is not None:
        narrowed.append(table.c.request_type == request_type)
    return narrowed


def _check_request(request: Request) -> None:
    promises.check_texts(request)
    if request.serial is not None:
        promises.check_serial(request.serial)
