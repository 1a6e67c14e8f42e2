"""What RevocationTx promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import NotFoundError, RefusedError
from sealwire.identity.revocation import RevocationSource
from sealwire.stores.promises import TransactionMisuseError

if TYPE_CHECKING:
    from tests.contract.conftest import AnyStore

DAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NEVER = RevocationSource(
    side="sensor",
    name="issuing",
    location="https://crl.example.com/issuing.crl",
    stale_policy="soft",
    refresh_seconds=3600,
    content=b"",
    issuer="",
    this_update=None,
    next_update=None,
    entries=0,
    checked=None,
    loaded=None,
    last_error="",
)
LOADED = replace(
    NEVER,
    name="another",
    content=bytes(range(256)),
    issuer="CN=Another",
    this_update=DAY,
    next_update=DAY,
    entries=2**40,
    checked=DAY,
    loaded=DAY,
)


def test_sources_are_kept_by_side_and_name(store: AnyStore) -> None:
    assert store.read(lambda tx: tx.revocation_sources("sensor")) == []
    other_side = replace(NEVER, side="appliance")
    for source in (NEVER, LOADED, other_side):
        store.run(lambda tx, source=source: tx.put_revocation_source(source))
    assert store.read(lambda tx: tx.revocation_sources("sensor")) == [LOADED, NEVER]
    assert store.read(lambda tx: tx.revocation_sources("appliance")) == [other_side]
    assert store.read(lambda tx: tx.revocation_source("sensor", "another")) == LOADED
    assert store.read(lambda tx: tx.revocation_source("appliance", "another")) is None


def test_putting_replaces_and_removing_forgets(store: AnyStore) -> None:
    store.run(lambda tx: tx.put_revocation_source(NEVER))
    failed = replace(NEVER, checked=DAY, last_error="no answer")
    store.run(lambda tx: tx.put_revocation_source(failed))
    assert store.read(lambda tx: tx.revocation_sources("sensor")) == [failed]
    store.run(lambda tx: tx.remove_revocation_source("sensor", "issuing"))
    assert store.read(lambda tx: tx.revocation_sources("sensor")) == []
    with pytest.raises(NotFoundError) as refused:
        store.run(lambda tx: tx.remove_revocation_source("sensor", "issuing"))
    assert refused.value.code == "crl.unknown"


def test_texts_that_no_engine_keeps_are_refused_and_a_read_writes_nothing(store: AnyStore) -> None:
    with pytest.raises(RefusedError):
        store.run(lambda tx: tx.put_revocation_source(replace(NEVER, last_error="a\0b")))
    with pytest.raises(TransactionMisuseError):
        store.read(lambda tx: tx.put_revocation_source(NEVER))
    with pytest.raises(TransactionMisuseError):
        store.read(lambda tx: tx.remove_revocation_source("sensor", "issuing"))
