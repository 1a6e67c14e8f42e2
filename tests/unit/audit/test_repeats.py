from datetime import UTC, datetime, timedelta

import pytest

from sealwire.audit.events import Event, auth_failure
from sealwire.audit.repeats import MOST_KINDS, Repeats, more, neighbourhood

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def failure(count: int) -> Event:
    return auth_failure("eve", "passwdUserDBAuthMgr", info=more("from x", count))


def infos(events: object) -> list[object]:
    return [dict(event.attributes)["Info"] for event in events]  # type: ignore[attr-defined]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_the_first_few_are_recorded_and_the_rest_of_the_minute_is_counted() -> None:
    repeats = Repeats(free=2)
    assert infos(repeats.note("a", at(0), failure)) == ["from x"]
    assert infos(repeats.note("a", at(1), failure)) == ["from x"]
    for second in range(2, 50):
        assert repeats.note("a", at(second), failure) == []
    assert infos(repeats.note("b", at(50), failure)) == ["from x"]
    assert repeats.due(at(59)) == []
    assert infos(repeats.due(at(60))) == ["from x (48 more within a minute)"]
    assert repeats.due(at(200)) == []


def test_what_a_minute_owes_is_told_with_the_next_of_its_kind() -> None:
    repeats = Repeats(free=1)
    repeats.note("a", at(0), failure)
    repeats.note("a", at(1), failure)
    assert infos(repeats.note("a", at(70), failure)) == [
        "from x (1 more within a minute)",
        "from x",
    ]


def test_a_minute_without_more_owes_nothing() -> None:
    repeats = Repeats(free=1)
    repeats.note("a", at(0), failure)
    assert repeats.due(at(61)) == []


def test_a_clock_put_back_ends_the_minute() -> None:
    repeats = Repeats(free=1)
    repeats.note("a", at(0), failure)
    repeats.note("a", at(1), failure)
    assert len(repeats.due(at(-3600))) == 1


def test_kinds_are_bounded() -> None:
    repeats = Repeats(free=1)
    made = sum(len(repeats.note(f"kind {n}", at(n / 1000), failure)) for n in range(20_000))
    assert made == MOST_KINDS + 1
    [others] = infos(repeats.due(at(90)))
    assert others == f"from x ({20_000 - MOST_KINDS - 1} more within a minute)"


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("local", "local"),
    ],
)
def test_who_is_taken_to_be_one(address: str, kind: str) -> None:
    assert neighbourhood(address) == kind
