"""How a record is shown: what a page says of it can be asked for in the same words."""

from __future__ import annotations

from sealwire.console import record_view
from sealwire.sensor import query_names


def test_severities_are_asked_for_as_they_are_shown() -> None:
    asked = [query_names.SEVERITIES[word] for word in record_view.SEVERITIES]
    assert asked == list(range(8))
