"""What every certificate is born with: a serial number, and a first moment."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sealwire.clock import RandomSource

BACKDATE: Final = timedelta(minutes=5)
"""A certificate begins a little before it was asked for: peers' clocks are not ours."""

_SERIAL_OCTETS: Final = 20


def random_serial(random: RandomSource) -> int:
    """A positive serial number of 159 random bits: 20 octets without a sign octet (RFC 5280)."""
    serial = 0
    while serial == 0:
        octets = random.token_bytes(_SERIAL_OCTETS)
        serial = int.from_bytes(octets, "big") & ((1 << (8 * _SERIAL_OCTETS - 1)) - 1)
    return serial
