"""Looks once a second whether the active unit lives: the beat of high availability."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sealwire.appliance.lease import LOOK_EVERY_S, Watch
from sealwire.bootstrap.beat import Beat

if TYPE_CHECKING:
    from sealwire.appliance.service import Appliance


def unit_watch(appliance: Appliance) -> Beat:
    """The thread beside a running unit."""
    return Beat(
        "unit watch",
        partial(appliance.look, Watch(appliance.ha().unit)),
        every_s=LOOK_EVERY_S,
        trouble="the units' state cannot be seen",
    )
