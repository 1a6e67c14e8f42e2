"""A search says when it could not look at all that was received."""

from __future__ import annotations

from typing import Any

import pytest

from sealwire.cli.sensor_records import envelope, pointing_out, what_waits
from sealwire.errors import RefusedError, UsageError
from sealwire.sensor.query_words import condition_of


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


def test_refused_words_are_shown_with_a_mark_below_each_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = "foo=1 host=web1 severity<=bad"
    with pytest.raises(UsageError), pointing_out(words):
        condition_of(words)
    assert capsys.readouterr().err == f"{words}\n^               ^\n"


def test_words_that_cannot_be_pointed_at_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError), pointing_out("foo=\x1b1"):
        condition_of("foo=\x1b1")
    with pytest.raises(RefusedError), pointing_out("host=web1"):
        raise RefusedError("search.too_expensive", "it would take too long")
    assert capsys.readouterr().err == ""


def test_facility_and_severity_are_shown_by_the_words_that_a_question_takes() -> None:
    keys = ("received", "listener", "address", "port", "certificate_subject", "certificate_sha256")
    more = ("framing", "retention", "grade", "rule", "timestamp", "host", "app", "procid", "msgid")
    found: dict[str, Any] = {**dict.fromkeys((*keys, *more)), "seq": 7, "transport": "tls"}
    found |= {"facility": 10, "severity": 3, "flags": ["no_time"], "tls_version": "TLSv1.3"}
    shown = envelope({**found, "cipher": "TLS_AES_256_GCM_SHA384"})
    assert (shown["Facility"], shown["Severity"]) == ("authpriv (10)", "err (3)")
    assert shown["TLS"] == "TLSv1.3 TLS_AES_256_GCM_SHA384"
    bare = envelope({**found, "facility": None, "severity": None, "tls_version": None})
    assert (bare["Facility"], bare["Severity"], bare["TLS"]) == (None, None, "")
