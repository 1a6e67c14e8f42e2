"""Key files encrypted under a secret from outside the home."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import ConflictError, RefusedError
from sealwire.stores.key_encryption import KeyEncryption
from sealwire.stores.keyfiles import KeyFiles
from sealwire.x509.keys import KeyType, generate_key, key_id, private_key_pem

if TYPE_CHECKING:
    from pathlib import Path

SECRET = b"0123456789abcdef0123456789abcdef"
OTHER = b"fedcba9876543210fedcba9876543210"
KEYS = [generate_key(KeyType.P256), generate_key(KeyType.P384), generate_key(KeyType.RSA2048)]
PEMS = {key_id(key.public_key()): private_key_pem(key) for key in KEYS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def filled(folder: Path, encryption: KeyEncryption | None = None) -> KeyFiles:
    store = KeyFiles(folder, encryption)
    for name, pem in PEMS.items():
        store.save_key(name, pem)
    return store


def all_sealed(folder: Path) -> bool:
    contents = [path.read_bytes() for path in folder.glob("*.pem")]
    assert len(contents) == len(PEMS)
    return all(b"BEGIN ENCRYPTED PRIVATE KEY" in content for content in contents)


def test_keys_lie_encrypted_and_come_back_in_clear(folder: Path) -> None:
    filled(folder, KeyEncryption(SECRET))
    assert all_sealed(folder)
    again = KeyFiles(folder, KeyEncryption(SECRET))
    assert {name: again.load_key(name) for name in PEMS} == PEMS


def test_the_same_key_again_is_no_error_another_is(folder: Path) -> None:
    store = filled(folder, KeyEncryption(SECRET))
    filled(folder, KeyEncryption(SECRET))
    first, second = list(PEMS)[:2]
    with pytest.raises(ConflictError):
        store.save_key(first, PEMS[second])


def test_openssl_reads_them(folder: Path) -> None:
    filled(folder, KeyEncryption(SECRET))
    for name, pem in PEMS.items():
        done = subprocess.run(
            ["openssl", "pkey", "-in", folder / f"{name}.pem", "-passin", "stdin"],
            input=SECRET + b"\n",
            capture_output=True,
            check=True,
        )
        assert done.stdout == pem


def test_keys_in_clear_are_read_until_they_are_encrypted(folder: Path) -> None:
    filled(folder)
    store = KeyFiles(folder, KeyEncryption(SECRET))
    assert {name: store.load_key(name) for name in PEMS} == PEMS
    assert store.encrypt_all() == len(PEMS)
    assert all_sealed(folder)
    assert store.encrypt_all() == 0
    assert {name: store.load_key(name) for name in PEMS} == PEMS
    assert [path for path in folder.iterdir() if path.stat().st_mode & 0o077] == []


def test_what_is_no_key_file_is_left_alone(folder: Path) -> None:
    filled(folder)
    (folder / "notes.pem").write_text("mine")
    KeyFiles(folder, KeyEncryption(SECRET)).encrypt_all()
    assert (folder / "notes.pem").read_text() == "mine"


def test_another_secret_is_told_and_adds_nothing(folder: Path) -> None:
    filled(folder)
    first, *others = PEMS
    (folder / f"{first}.pem").write_bytes(KeyEncryption(SECRET).seal(PEMS[first]))
    mistaken = KeyFiles(folder, KeyEncryption(OTHER))
    for attempt in (lambda: mistaken.load_key(first), mistaken.encrypt_all):
        with pytest.raises(RefusedError) as wrong:
            attempt()
        assert wrong.value.code == "key_encryption.wrong"
        assert first in wrong.value.message
    assert [KeyFiles(folder).load_key(name) for name in others] == [PEMS[n] for n in others]


def test_no_secret_is_told(folder: Path) -> None:
    filled(folder, KeyEncryption(SECRET))
    store = KeyFiles(folder)
    assert store.encrypt_all() == 0
    with pytest.raises(RefusedError) as missing:
        store.load_key(next(iter(PEMS)))
    assert missing.value.code == "key_encryption.missing"
    assert "--key-encryption-key-file" in missing.value.hint


@pytest.mark.parametrize("secret", [b"", b"password", b"x" * 31, b"x" * 1024])
def test_a_secret_that_could_be_guessed(secret: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        KeyEncryption(secret)
    assert refused.value.code == "key_encryption.secret"
    assert not secret or secret.decode() not in refused.value.message


def test_what_is_no_key_cannot_be_sealed() -> None:
    with pytest.raises(RefusedError) as refused:
        KeyEncryption(SECRET).seal(b"nothing")
    assert refused.value.code == "key.unreadable"
