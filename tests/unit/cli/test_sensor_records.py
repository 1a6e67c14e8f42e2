"""A search says when it could not look at all that was received."""

from __future__ import annotations

import pytest

from sealwire.cli.sensor_records import what_waits


@pytest.mark.parametrize(
    ("archive", "told"),
    [
        (None, None),
        ({"journal_bytes_waiting": 0, "records_waiting": 0}, None),
        (
            {"journal_bytes_waiting": 5, "records_waiting": 0},
            "not searched yet: 5 bytes of the journal; ask again shortly",
        ),
        (
            {"journal_bytes_waiting": 5, "records_waiting": 7},
            "not searched yet: 5 bytes of the journal and 7 sealed records; ask again shortly",
        ),
    ],
)
def test_what_was_not_searched_is_said(archive: dict[str, int] | None, told: str | None) -> None:
    assert what_waits({"archive": archive} if archive else {}) == told
