"""A CA's keys in software: loaded from a key store, kept in memory once they were used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.x509.keys import generate_key, key_id, load_private_key, private_key_pem

if TYPE_CHECKING:
    from sealwire.ca.signing import IssuerKey
    from sealwire.identity.ports import KeyStore
    from sealwire.x509.keys import KeyType, PrivateKey, PublicKey


class SoftwareKeys:
    """Satisfies SigningKeys over a KeyStore, whose durability is this one's."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._loaded: dict[str, PrivateKey] = {}

    def make_key(self, key_type: KeyType) -> PublicKey:
        """See SigningKeys."""
        key = generate_key(key_type)
        public = key.public_key()
        self._store.save_key(key_id(public), private_key_pem(key))
        return public

    def signer(self, key_id: str) -> IssuerKey:
        """See SigningKeys."""
        key = self._loaded.get(key_id)
        if key is None:
            key = self._loaded[key_id] = load_private_key(self._store.load_key(key_id))
        return key
