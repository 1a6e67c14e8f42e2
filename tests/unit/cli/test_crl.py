"""The words about revocation lists that need no node."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from sealwire.cli.crl import crl_commands, state_of
from sealwire.errors import UsageError


@pytest.mark.parametrize("place", ["ftp://ca.example.com/a.crl", "ldap://x/y", "file:///a.crl"])
def test_a_list_comes_by_http_or_from_a_file(place: str) -> None:
    result = CliRunner().invoke(crl_commands("sensor"), ["add", place])
    assert isinstance(result.exception, UsageError)
    assert "by http, by https or from a file" in result.exception.message


def test_a_list_is_current_or_stale_or_not_there_at_all() -> None:
    def state(loaded: str | None, due: str | None) -> str:
        return state_of({"loaded": loaded, "next_update": due})

    past, future = "2020-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"
    assert state(None, None) == "not loaded"
    assert state(past, past) == "stale"
    assert state(past, future) == "current"
    assert state(past, None) == "current"
