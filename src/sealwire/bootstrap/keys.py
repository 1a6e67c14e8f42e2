"""Where a node's private keys live, put together from its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.ca.key_places import KeyPlaces
from sealwire.ca.software_keys import SoftwareKeys
from sealwire.config.secrets import key_encryption_source, pkcs11_pin_source
from sealwire.errors import UnavailableError
from sealwire.stores.key_encryption import KeyEncryption
from sealwire.stores.keyfiles import KeyFiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.bootstrap.home import Home
    from sealwire.ca.ports import SigningKeys
    from sealwire.config.node import NodeConfig


def key_files(home: Home, config: NodeConfig) -> KeyFiles:
    """The key files, encrypted when a key-encryption key is given.

    Raises UnavailableError ``secret.unreadable``, RefusedError ``key_encryption.secret``.
    """
    secret = key_encryption_source(config.key_encryption_key_file).read()
    return KeyFiles(home.keys, None if secret is None else KeyEncryption(secret))


def signing_keys(config: NodeConfig, files: KeyFiles) -> KeyPlaces:
    """What the CA signs with: a token's keys where one is configured, and those in files.

    The module is loaded, and the PIN read, when a key of the token is first asked for.
    """
    in_files: tuple[str, SigningKeys] = ("file", SoftwareKeys(files))
    if config.pkcs11_module is None:
        return KeyPlaces((in_files,))
    from sealwire.stores.pkcs11 import Pkcs11Keys  # noqa: PLC0415 - only where it is configured

    token = Pkcs11Keys(str(config.pkcs11_module), config.pkcs11_token, _pin(config))
    return KeyPlaces(((f"PKCS#11 token {config.pkcs11_token}", token), in_files))


def _pin(config: NodeConfig) -> Callable[[], str]:
    source = pkcs11_pin_source(config.pkcs11_pin_file)

    def read() -> str:
        pin = source.read()
        if pin is None:
            raise UnavailableError(
                "key.pin",
                f"There is no PIN for the PKCS#11 token {config.pkcs11_token}.",
                hint="Say where it is: --pkcs11-pin-file FILE, or the variable"
                " SEALWIRE_PKCS11_PIN.",
            )
        return pin.decode("utf-8", "replace")

    return read
