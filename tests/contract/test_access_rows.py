"""What SessionTx promises, and the end of a user."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sealwire.access.ports import Attempts, Session
from sealwire.errors import NotFoundError
from sealwire.stores.promises import TransactionMisuseError
from tests.contract import rows

if TYPE_CHECKING:
    from tests.contract.conftest import AnyStore

MINUTE = timedelta(minutes=1)


def session(digest: str = "t1", user_name: str = "caadmin", minutes: int = 0) -> Session:
    return Session(
        token_sha256=digest,
        user_name=user_name,
        created=rows.NOW + minutes * MINUTE,
        last_seen=rows.NOW + (minutes + 1) * MINUTE,
        form_token="f",
        authenticated_by="password",
        address="2001:db8::1",
    )


def attempts(subject: str = "s1", user: str = "", minutes: int = 0) -> Attempts:
    return Attempts(subject, user, 3, rows.NOW + minutes * MINUTE)


def test_a_session_is_kept_and_replaced(store: AnyStore) -> None:
    store.run(lambda tx: tx.put_user(rows.user()))
    store.run(lambda tx: tx.put_session(session()))
    assert store.read(lambda tx: tx.session("t1")) == session()
    later = replace(session(), last_seen=rows.NOW + 9 * MINUTE)
    store.run(lambda tx: tx.put_session(later))
    assert store.read(lambda tx: tx.sessions_of("caadmin")) == [later]
    store.run(lambda tx: tx.remove_session("t1"))
    store.run(lambda tx: tx.remove_session("t1"))
    assert store.read(lambda tx: tx.session("t1")) is None


def test_nobody_has_no_session(store: AnyStore) -> None:
    with pytest.raises(NotFoundError) as unknown:
        store.run(lambda tx: tx.put_session(session()))
    assert unknown.value.code == "user.unknown"


def test_sessions_end_with_their_user_and_with_nobody_else(store: AnyStore) -> None:
    for name in ("caadmin", "second"):
        store.run(lambda tx, name=name: tx.put_user(rows.user(name, f"cert-{name}")))
        store.run(lambda tx, name=name: tx.put_session(session(f"t-{name}", name)))
    store.run(lambda tx: tx.remove_user("caadmin"))
    assert store.read(lambda tx: tx.session("t-caadmin")) is None
    assert store.read(lambda tx: tx.session("t-second")) == session("t-second", "second")
    assert store.read(lambda tx: tx.user_by_certificate("cert-caadmin")) is None
    assert [user.name for user in store.read(lambda tx: tx.users())] == ["second"]
    with pytest.raises(NotFoundError) as unknown:
        store.run(lambda tx: tx.remove_user("caadmin"))
    assert unknown.value.code == "user.unknown"


def test_changing_a_user_keeps_the_sessions(store: AnyStore) -> None:
    store.run(lambda tx: tx.put_user(rows.user()))
    store.run(lambda tx: tx.put_session(session()))
    store.run(lambda tx: tx.put_user(rows.user(roles=("auditor",))))
    assert store.read(lambda tx: tx.session("t1")) == session()


def test_old_sessions_are_removed_by_either_age(store: AnyStore) -> None:
    store.run(lambda tx: tx.put_user(rows.user()))
    for minutes in (0, 5, 10):
        made = session(f"t{minutes}", minutes=minutes)
        store.run(lambda tx, made=made: tx.put_session(made))
    created = rows.NOW + 5 * MINUTE
    assert store.run(lambda tx: tx.remove_sessions_before(created, rows.NOW)) == 1
    seen = rows.NOW + 7 * MINUTE
    assert store.run(lambda tx: tx.remove_sessions_before(rows.NOW, seen)) == 1
    left = store.read(lambda tx: tx.sessions_of("caadmin"))
    assert left == [session("t10", minutes=10)]


def test_attempts_are_counted_and_forgotten(store: AnyStore) -> None:
    assert store.read(lambda tx: tx.attempts("s1")) is None
    store.run(lambda tx: tx.put_attempts(attempts()))
    after = replace(attempts(), count=0, succeeded=rows.NOW)
    store.run(lambda tx: tx.put_attempts(after))
    store.run(lambda tx: tx.put_attempts(attempts("s2", minutes=5)))
    assert store.read(lambda tx: tx.attempts("s1")) == after
    assert store.run(lambda tx: tx.remove_attempts_before(rows.NOW + MINUTE)) == 1
    assert store.read(lambda tx: tx.attempts("s1")) is None
    assert store.read(lambda tx: tx.attempts("s2")) == attempts("s2", minutes=5)


def test_one_users_attempts_are_counted_anew(store: AnyStore) -> None:
    known = replace(attempts("s1", "alice"), succeeded=rows.NOW)
    for row in (known, attempts("s2", "alice"), attempts("s3", "bob"), attempts("s4")):
        store.run(lambda tx, row=row: tx.put_attempts(row))
    assert store.run(lambda tx: tx.reset_attempts("alice")) == 2
    counts = [store.read(lambda tx, s=s: tx.attempts(s)) for s in ("s1", "s2", "s3", "s4")]
    assert [row.count for row in counts if row] == [0, 0, 3, 3]
    assert store.read(lambda tx: tx.attempts("s1")) == replace(known, count=0)


def test_reading_changes_nothing(store: AnyStore) -> None:
    for use_case in (
        lambda tx: tx.remove_user("caadmin"),
        lambda tx: tx.put_session(session()),
        lambda tx: tx.remove_session("t1"),
        lambda tx: tx.put_attempts(attempts()),
        lambda tx: tx.remove_attempts_before(rows.NOW),
    ):
        with pytest.raises(TransactionMisuseError):
            store.read(use_case)
