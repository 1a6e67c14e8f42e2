"""Secrets from a file, the environment, a systemd credential."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.config.secrets import SecretSource, key_encryption_source, pkcs11_pin_source
from sealwire.errors import UnavailableError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CREDENTIALS_DIRECTORY", "SEALWIRE_TEST_SECRET"):
        monkeypatch.delenv(name, raising=False)


def source(file: Path | None = None) -> SecretSource:
    return SecretSource("The secret", "SEALWIRE_TEST_SECRET", "test-secret", file)


def test_the_nearest_one_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert source().read() is None
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert source().read() is None
    (tmp_path / "test-secret").write_bytes(b"of systemd\n")
    assert source().read() == b"of systemd"
    monkeypatch.setenv("SEALWIRE_TEST_SECRET", "of the environment")
    assert source().read() == b"of the environment"
    (tmp_path / "file").write_bytes(b" of a file \r\n\n")
    assert source(tmp_path / "file").read() == b" of a file "


@pytest.mark.parametrize("content", [None, b"", b"\n"])
def test_a_file_without_a_secret_is_told(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UnavailableError) as fault:
        source(file).read()
    assert fault.value.code == "secret.unreadable"
    assert str(file) in fault.value.message


def test_the_names_that_the_manual_promises() -> None:
    for made, variable, credential in (
        (key_encryption_source(None), "SEALWIRE_KEY_ENCRYPTION_KEY", "sealwire-key-encryption-key"),
        (pkcs11_pin_source(None), "SEALWIRE_PKCS11_PIN", "sealwire-pkcs11-pin"),
    ):
        assert (made.variable, made.credential) == (variable, credential)
