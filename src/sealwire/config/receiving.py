"""``[receiving]`` of ``node.toml``: what the sensor bears before it sends senders away."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Megabytes = Annotated[int, Field(ge=1, le=65_536)]
Seconds = Annotated[float, Field(gt=0, le=31_536_000, allow_inf_nan=False)]
Unlimited = Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)]


class ReceivingSettings(BaseModel):
    """Limits of the whole node. Unknown keys are refused.

    ``connections``, ``handshakes`` (in progress) and ``buffered_megabytes`` (of messages that are
    not complete) hold for all workers together, each taking its share. What one address may have,
    ``..._per_source``, is counted by each worker by itself: see ``sealwire.net.entrance``.
    Seconds: ``handshake_seconds`` for TLS; ``first_message_seconds`` for a connection that never
    sent anything; ``message_seconds`` from a message's first byte to its last; ``idle_seconds``
    since the last byte. 0 of the last three means never. Ending an idle connection may cost a
    message of a sender that never reads: it learns of the end only from its next write but one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_message: Annotated[int, Field(ge=2048, le=1024 * 1024)] = 64 * 1024
    connections: Count = 20_000
    connections_per_source: Count = 4_000
    handshakes: Count = 2_000
    handshakes_per_source: Count = 1_000
    buffered_megabytes: Megabytes = 256
    buffered_megabytes_per_source: Megabytes = 64
    handshake_seconds: Seconds = 10.0
    first_message_seconds: Unlimited = 3_600.0
    message_seconds: Unlimited = 120.0
    idle_seconds: Unlimited = 86_400.0

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        """What one address may have is part of what all may have."""
        names = ("connections", "handshakes", "buffered_megabytes")
        faults = [
            f"{name}_per_source is more than {name}"
            for name in names
            if getattr(self, f"{name}_per_source") > getattr(self, name)
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self
