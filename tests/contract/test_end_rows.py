"""What IdentityTx, SettingsTx and ApplianceTx promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.errors import ConflictError, NotFoundError
from tests.contract import rows

if TYPE_CHECKING:
    from tests.contract.conftest import AnyStore, AnyTx


def test_pending_csrs_wait_oldest_first(store: AnyStore) -> None:
    waiting = [
        rows.pending(key_id="k9", seconds=0),
        rows.pending(key_id="k1", seconds=5),
        rows.pending(key_id="k5", seconds=2),
    ]
    for pending in waiting:
        store.run(lambda tx, pending=pending: tx.add_pending_csr(pending))
    store.run(lambda tx: tx.add_pending_csr(rows.pending("appliance:unit-1")))
    oldest_first = [waiting[0], waiting[2], waiting[1]]
    assert store.read(lambda tx: tx.pending_csrs("sensor:main")) == oldest_first
    store.run(lambda tx: tx.remove_pending_csr("sensor:main", "k5"))
    store.run(lambda tx: tx.remove_pending_csr("sensor:main", "k5"))
    assert store.read(lambda tx: tx.pending_csrs("sensor:main")) == [waiting[0], waiting[1]]
    assert store.read(lambda tx: tx.pending_csrs("nobody")) == []


def test_the_newest_generation_is_in_use_and_the_others_are_history(store: AnyStore) -> None:
    assert store.read(lambda tx: tx.installed_identity("sensor:main")) is None
    for generation in (1, 2, 3):
        store.run(lambda tx, g=generation: tx.install_identity(rows.installed(generation=g)))
    store.run(lambda tx: tx.install_identity(rows.installed("appliance:unit-1")))
    newest_first = [rows.installed(generation=generation) for generation in (3, 2, 1)]
    assert store.read(lambda tx: tx.identity_history("sensor:main")) == newest_first
    assert store.read(lambda tx: tx.installed_identity("sensor:main")) == newest_first[0]
    other = store.read(lambda tx: tx.installed_identity("appliance:unit-1"))
    assert other == rows.installed("appliance:unit-1")


@pytest.mark.parametrize("generation", [-1, 0, 1, 3])
def test_generations_follow_one_another(store: AnyStore, generation: int) -> None:
    store.run(lambda tx: tx.install_identity(rows.installed(generation=1)))
    with pytest.raises(ConflictError) as conflict:
        store.run(lambda tx: tx.install_identity(rows.installed(generation=generation)))
    assert conflict.value.code == "identity.generation"
    assert store.read(lambda tx: tx.identity_history("sensor:main")) == [rows.installed()]


def test_the_first_generation_is_one(store: AnyStore) -> None:
    with pytest.raises(ConflictError):
        store.run(lambda tx: tx.install_identity(rows.installed(generation=2)))


def test_settings_are_replaced(store: AnyStore) -> None:
    assert store.read(lambda tx: tx.setting("listeners")) is None
    for document in ('{"a": 1}', '{"a": "é"}'):
        store.run(lambda tx, document=document: tx.put_setting("listeners", document))
        assert store.read(lambda tx: tx.setting("listeners")) == document


def test_destinations_are_kept_by_name(store: AnyStore) -> None:
    for name in ("b", "a", "B"):
        store.run(lambda tx, name=name: tx.put_destination(rows.destination(name)))
    store.run(lambda tx: tx.put_destination(rows.destination("a", enabled=False)))
    assert store.read(lambda tx: tx.destinations()) == [
        rows.destination("B"),
        rows.destination("a", enabled=False),
        rows.destination("b"),
    ]
    assert store.read(lambda tx: tx.destination("b")) == rows.destination("b")
    assert store.read(lambda tx: tx.destination("c")) is None


def test_a_destination_goes_with_its_cursors(store: AnyStore) -> None:
    def use_case(tx: AnyTx) -> None:
        for name in ("a", "b"):
            tx.put_destination(rows.destination(name))
            tx.put_cursor(name, "ca", 5)

    store.run(use_case)
    store.run(lambda tx: tx.remove_destination("a"))
    store.run(lambda tx: tx.put_destination(rows.destination("a")))
    assert store.read(lambda tx: tx.cursor("a", "ca")) == 0
    assert store.read(lambda tx: tx.cursor("b", "ca")) == 5
    with pytest.raises(NotFoundError) as missing:
        store.run(lambda tx: tx.remove_destination("c"))
    assert missing.value.code == "destination.unknown"


def test_a_replaced_destination_keeps_its_cursors(store: AnyStore) -> None:
    store.run(lambda tx: (tx.put_destination(rows.destination()), tx.put_cursor("siem", "ca", 5)))
    store.run(lambda tx: tx.put_destination(rows.destination(enabled=False)))
    assert store.read(lambda tx: tx.cursor("siem", "ca")) == 5


def test_cursors_only_go_on(store: AnyStore) -> None:
    store.run(lambda tx: tx.put_destination(rows.destination()))
    assert store.read(lambda tx: tx.cursor("siem", "ca")) == 0
    for next_idx in (0, 3, 3, 2**40):
        store.run(lambda tx, next_idx=next_idx: tx.put_cursor("siem", "ca", next_idx))
        assert store.read(lambda tx: tx.cursor("siem", "ca")) == next_idx
    assert store.read(lambda tx: tx.cursor("siem", "appliance")) == 0
    with pytest.raises(ConflictError) as conflict:
        store.run(lambda tx: tx.put_cursor("siem", "ca", 2**40 - 1))
    assert conflict.value.code == "cursor.backwards"
    with pytest.raises(ConflictError):
        store.run(lambda tx: tx.put_cursor("siem", "appliance", -1))
    with pytest.raises(NotFoundError):
        store.run(lambda tx: tx.put_cursor("nobody", "ca", 1))


def test_inputs_are_kept_by_name(store: AnyStore) -> None:
    for name in ("b", "a"):
        store.run(lambda tx, name=name: tx.put_input(rows.source(name)))
    moved = rows.source("a", inode=5, offset=0)
    store.run(lambda tx: tx.put_input(moved))
    assert store.read(lambda tx: tx.inputs()) == [moved, rows.source("b")]
    store.run(lambda tx: tx.remove_input("a"))
    assert store.read(lambda tx: tx.inputs()) == [rows.source("b")]
    with pytest.raises(NotFoundError) as missing:
        store.run(lambda tx: tx.remove_input("a"))
    assert missing.value.code == "input.unknown"
