"""What the sensor needs of a store."""

from __future__ import annotations

from typing import Protocol

from sealwire.audit.ports import SettingsTx, TrailTx
from sealwire.identity.ports import IdentityTx


class SensorTx(TrailTx, IdentityTx, SettingsTx, Protocol):
    """All that one use case of the sensor may touch, in one transaction."""
