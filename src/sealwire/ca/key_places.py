"""Where a CA's keys live: on a token, in files, or old ones here and new ones there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.ca.ports import SigningKeys
    from sealwire.ca.signing import IssuerKey
    from sealwire.x509.keys import KeyType, PublicKey

    Places = Sequence[tuple[str, SigningKeys]]


class KeyPlaces:
    """Satisfies SigningKeys over named places: keys are made in the first, found in any.

    So a home that gets a hardware module goes on with its old keys until they are replaced.
    """

    def __init__(self, places: Places) -> None:
        self._places = tuple(places)

    def make_key(self, key_type: KeyType) -> PublicKey:
        """See SigningKeys."""
        return self._places[0][1].make_key(key_type)

    def signer(self, key_id: str) -> IssuerKey:
        """See SigningKeys."""
        return self._found(key_id)[1]

    def place(self, key_id: str) -> str:
        """Where it is, in people's words. Raises as ``signer``."""
        return self._found(key_id)[0]

    def _found(self, key_id: str) -> tuple[str, IssuerKey]:
        for name, keys in self._places:
            try:
                return name, keys.signer(key_id)
            except NotFoundError:
                continue
        raise NotFoundError("key.unknown", f"There is no private key {key_id}.")
