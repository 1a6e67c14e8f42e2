"""The sessions that nonces live in: whose they are, how many, how long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sealwire.access.roles import AuthenticatedBy, Principal, Role
from sealwire.api.dogtag import sessions
from sealwire.api.dogtag.sessions import HttpSessions
from sealwire.errors import ForbiddenError, UsageError
from tests.unit.ca.scene import CountedBytes, StandingClock


def somebody(name: str = "ada", method: AuthenticatedBy = AuthenticatedBy.CERTIFICATE) -> Principal:
    return Principal(name, frozenset({Role.AGENT}), method)


ADA = somebody()


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def registry(clock: StandingClock) -> HttpSessions:
    return HttpSessions(clock, CountedBytes())


def redeems(registry: HttpSessions, token: str, number: int, value: int) -> bool:
    try:
        registry.redeem(ADA, token, "cert-request", number, value)
    except UsageError:
        return False
    return True


def test_a_nonce_has_64_bits_and_a_sign(registry: HttpSessions) -> None:
    token = registry.begin(ADA)
    values = [registry.issue(ADA, token, "cert-request", n)[1] for n in range(64)]
    assert all(-(2**63) <= value < 2**63 for value in values)
    assert min(values) < 0 < max(values)
    assert len(set(values)) == 64


def test_it_is_used_once_and_carries_what_was_seen(registry: HttpSessions) -> None:
    token, value = registry.issue(ADA, "", "cert-request", 7, "digest")
    assert registry.redeem(ADA, token, "cert-request", 7, value).seen == "digest"
    with pytest.raises(UsageError, match="Nonce for cert-request 7 does not exist"):
        registry.redeem(ADA, token, "cert-request", 7, value)


def test_a_wrong_one_does_not_use_it_up(registry: HttpSessions) -> None:
    token, value = registry.issue(ADA, "", "cert-request", 7)
    with pytest.raises(ForbiddenError, match="Invalid nonce: 5"):
        registry.redeem(ADA, token, "cert-request", 7, 5)
    with pytest.raises(UsageError, match="Missing nonce"):
        registry.redeem(ADA, token, "cert-request", 7, None)
    assert redeems(registry, token, 7, value)


def test_it_is_for_one_thing_only(registry: HttpSessions) -> None:
    token, value = registry.issue(ADA, "", "cert-request", 7)
    for kind, number in (("cert-revoke", 7), ("cert-request", 8)):
        with pytest.raises(UsageError, match="does not exist"):
            registry.redeem(ADA, token, kind, number, value)  # type: ignore[arg-type]
    assert redeems(registry, token, 7, value)


def test_a_further_look_voids_the_earlier_one(registry: HttpSessions) -> None:
    token, first = registry.issue(ADA, "", "cert-request", 7)
    again, second = registry.issue(ADA, token, "cert-request", 7)
    assert again == token
    with pytest.raises(ForbiddenError):
        registry.redeem(ADA, token, "cert-request", 7, first)
    assert redeems(registry, token, 7, second)


def test_a_session_is_its_owners_only(registry: HttpSessions) -> None:
    token, value = registry.issue(ADA, "", "cert-request", 7)
    for other in (somebody("eve"), somebody("ada", AuthenticatedBy.PASSWORD)):
        with pytest.raises(UsageError, match="does not exist"):
            registry.redeem(other, token, "cert-request", 7, value)
        assert registry.issue(other, token, "cert-request", 7)[0] != token
        registry.end(other, token)
        registry.begin(other, token)
    assert redeems(registry, token, 7, value)


def test_log_in_begins_a_new_one_and_log_out_ends_it(registry: HttpSessions) -> None:
    token, value = registry.issue(ADA, "", "cert-request", 7)
    fresh = registry.begin(ADA, token)
    assert fresh != token
    assert not redeems(registry, token, 7, value)
    fresh, value = registry.issue(ADA, fresh, "cert-request", 7)
    registry.end(ADA, fresh)
    assert not redeems(registry, fresh, 7, value)
    registry.end(ADA, "nosuch")


def test_use_keeps_it_and_idleness_ends_it(registry: HttpSessions, clock: StandingClock) -> None:
    token, value = registry.issue(ADA, "", "cert-request", 7)
    for _ in range(3):
        clock.advance(timedelta(minutes=29))
        assert registry.issue(ADA, token, "cert-request", 8)[0] == token
    clock.advance(timedelta(minutes=31))
    assert not redeems(registry, token, 7, value)


def test_a_session_holds_a_hundred_nonces(registry: HttpSessions) -> None:
    token = registry.begin(ADA)
    values = [registry.issue(ADA, token, "cert-request", n)[1] for n in range(101)]
    assert not redeems(registry, token, 0, values[0])
    assert all(redeems(registry, token, n, values[n]) for n in range(1, 101))


def test_one_person_pushes_out_their_own_sessions_only(registry: HttpSessions) -> None:
    eve = somebody("eve")
    kept, value = registry.issue(eve, "", "cert-request", 7)
    first, mine = registry.issue(ADA, "", "cert-request", 7)
    for _ in range(sessions.MOST_OF_ONE):
        registry.begin(ADA)
    assert not redeems(registry, first, 7, mine)
    assert registry.redeem(eve, kept, "cert-request", 7, value)


def test_there_is_an_end_to_all_of_them(registry: HttpSessions) -> None:
    token, value = registry.issue(ADA, "", "cert-request", 7)
    for number in range(sessions.MOST_SESSIONS):
        registry.begin(somebody(f"user{number}"))
    assert not redeems(registry, token, 7, value)
    assert len(registry._sessions) == sessions.MOST_SESSIONS
