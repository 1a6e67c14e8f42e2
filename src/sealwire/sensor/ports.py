"""What the sensor needs of a store."""

from __future__ import annotations

from typing import Protocol

from sealwire.audit.ports import TrailTx
from sealwire.identity.ports import IdentityTx


class SettingsTx(Protocol):
    """Named JSON documents inside one transaction; whoever writes one owns its shape."""

    def setting(self, name: str) -> str | None:
        """The JSON text, or None."""
        ...

    def put_setting(self, name: str, document: str) -> None:
        """Insert or replace."""
        ...


class SensorTx(TrailTx, IdentityTx, SettingsTx, Protocol):
    """All that one use case of the sensor may touch, in one transaction."""
