from __future__ import annotations

from datetime import timedelta

import pytest

from sealwire.identity.expiry import Place, Watched, lifetimes, step_of, told_as, untold
from tests.pki import NOW, Recipe, issue

DAY = timedelta(days=1)
ROOT = issue(Recipe("Root", ca=True, lasts=400 * DAY))
MIDDLE = issue(Recipe("Middle", ca=True, lasts=20 * DAY), ROOT)
LEAF = issue(Recipe("www.example.com", hosts=("www.example.com",), lasts=60 * DAY), MIDDLE)
CHAIN = Watched("sensor:s1", (LEAF.certificate, MIDDLE.certificate, ROOT.certificate))


@pytest.mark.parametrize(
    ("left", "step"),
    [
        (timedelta(days=90, seconds=1), None),
        (timedelta(days=90), 90),
        (timedelta(days=30, seconds=1), 90),
        (timedelta(days=30), 30),
        (timedelta(days=14), 14),
        (timedelta(days=7), 7),
        (timedelta(days=1), 1),
        (timedelta(seconds=1), 1),
        (timedelta(0), 1),
        (-timedelta(seconds=1), 0),
    ],
)
def test_the_step_a_certificate_has_come_to(left: timedelta, step: int | None) -> None:
    assert step_of(NOW + left, NOW) == step


def test_a_whole_chain_is_watched_the_first_to_end_first() -> None:
    found = lifetimes([CHAIN], NOW)
    assert [one.subject for one in found] == ["CN=Middle", "CN=www.example.com", "CN=Root"]
    assert [one.place for one in found] == [Place.INTERMEDIATE, Place.LEAF, Place.ROOT]
    assert [one.outlived_by_leaf for one in found] == [True, False, False]
    middle = found[0]
    assert middle.not_after - middle.not_before == 20 * DAY
    assert middle.renewal_due - middle.not_before == 20 * DAY * 2 / 3


def test_each_step_is_told_once_and_the_next_one_again() -> None:
    end = MIDDLE.certificate.not_valid_after_utc
    found = lifetimes([CHAIN], end - 10 * DAY)
    due = untold(found, {})
    assert [(one.subject, one.step) for one in due] == [
        ("CN=Middle", 14),
        ("CN=www.example.com", 90),
    ]
    told = {told_as(one): one.step or 0 for one in due}
    assert not untold(found, told)
    later = untold(lifetimes([CHAIN], end - 7 * DAY), told)
    assert [(one.subject, one.step) for one in later] == [("CN=Middle", 7)]
    ended = untold(lifetimes([CHAIN], end + DAY), told)
    assert ("CN=Middle", 0) in [(one.subject, one.step) for one in ended]


def test_days_left_are_whole_and_negative_after_the_end() -> None:
    end = MIDDLE.certificate.not_valid_after_utc
    for now, days in ((end - DAY, 1), (end - DAY / 2, 0), (end + DAY / 2, -1)):
        [middle] = [one for one in lifetimes([CHAIN], now) if one.subject == "CN=Middle"]
        assert middle.days_left == days
