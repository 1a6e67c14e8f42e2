from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import ConflictError, NotFoundError, RefusedError, UnavailableError
from sealwire.stores.keyfiles import KeyFiles

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.identity.ports import KeyStore

ID = "0123456789abcdef" * 4
PEM = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "keys"


def test_a_key_comes_back_as_it_was_and_is_its_owners_alone(folder: Path) -> None:
    store: KeyStore = KeyFiles(folder)
    store.save_key(ID, PEM)
    assert store.load_key(ID) == PEM
    assert KeyFiles(folder).load_key(ID) == PEM
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_folder_that_was_open_is_closed(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o755)
    KeyFiles(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_same_key_again_is_no_error_another_is(folder: Path) -> None:
    store = KeyFiles(folder)
    store.save_key(ID, PEM)
    store.save_key(ID, PEM)
    with pytest.raises(ConflictError) as conflict:
        store.save_key(ID, PEM + b"x")
    assert conflict.value.code == "key.exists"
    assert store.load_key(ID) == PEM


def test_a_key_that_is_not_there(folder: Path) -> None:
    with pytest.raises(NotFoundError) as unknown:
        KeyFiles(folder).load_key(ID)
    assert unknown.value.code == "key.unknown"


@pytest.mark.parametrize(
    "key_id", ["", "x", ID.upper(), ID[:-1], ID + "0", "../" + ID[3:], ID[:-1] + "\n", ID + "\n"]
)
def test_what_is_no_key_id_never_becomes_a_path(folder: Path, key_id: str) -> None:
    store = KeyFiles(folder)
    with pytest.raises(RefusedError) as saving:
        store.save_key(key_id, PEM)
    with pytest.raises(RefusedError):
        store.load_key(key_id)
    assert saving.value.code == "key.id"
    assert list(folder.iterdir()) == []


def test_a_write_that_fails_leaves_nothing(folder: Path) -> None:
    store = KeyFiles(folder)
    # A folder in the key's place.
    (folder / f"{ID}.pem").mkdir()
    with pytest.raises(UnavailableError):
        store.save_key(ID, PEM)
    assert [path.name for path in folder.iterdir()] == [f"{ID}.pem"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnavailableError) as unavailable:
        KeyFiles(tmp_path / "file" / "keys")
    assert unavailable.value.code == "key.store"
