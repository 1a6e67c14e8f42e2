"""Keys of the CA whose certificate is still to come from outside."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.audit.ports import SettingsTx

_SETTING: Final = "ca.waiting"


@dataclass(frozen=True, slots=True)
class WaitingKey:
    """A key and its request. ``key_id`` names the key in its place, ``subject`` is what was asked.

    ``key_type`` is the word for its kind (``KeyType``).
    """

    key_id: str
    key_type: str
    subject: str
    csr_pem: str
    created: datetime


def waiting_keys(tx: SettingsTx) -> tuple[WaitingKey, ...]:
    """Oldest first; several may wait at once."""
    document = tx.setting(_SETTING)
    rows = json.loads(document) if document else []
    return tuple(
        replace(WaitingKey(**row), created=datetime.fromisoformat(row["created"])) for row in rows
    )


def keep_waiting(tx: SettingsTx, keys: Sequence[WaitingKey]) -> None:
    """These and no others wait from now on."""
    rows = [{**asdict(key), "created": key.created.isoformat()} for key in keys]
    tx.put_setting(_SETTING, json.dumps(rows))
