"""Configured revocation lists: what is taken, kept, fetched when, and what it amounts to."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.errors import ConflictError, NotFoundError, RefusedError, UnavailableError
from sealwire.identity import peer_lists
from sealwire.identity.peer_lists import PeerLists, is_due
from sealwire.identity.revocation import Side
from sealwire.stores.memory import MemoryStore
from tests.pki import NOW, family
from tests.unit.x509.test_revocation import crl, der, pem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealwire.errors import SealwireError

FAMILY = family()
PATH = FAMILY.certificates
URL = "https://crl.example.com/issuing.crl"
MINUTE = timedelta(minutes=1)


class MovedClock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def now_ns(self) -> int:
        return int(self.at.timestamp()) * 10**9

    def monotonic(self) -> float:
        return self.at.timestamp()


class Web:
    """Holds lists by location; what it does not hold is unreachable. Counts who asks."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.asked: list[str] = []

    def __call__(self, locations: Sequence[str]) -> Sequence[bytes | SealwireError]:
        self.asked.extend(locations)
        gone = UnavailableError("crl.unreachable", "nobody answers")
        return [self.pages.get(location, gone) for location in locations]


class Scene:
    def __init__(self) -> None:
        self.clock, self.web, self.store = MovedClock(), Web(), MemoryStore()
        self.changes = 0
        self.lists = self.side(Side.SENSOR)

    def side(self, side: Side) -> PeerLists:
        recorder = Recorder(self.clock, "node.example.com", AuditFormat.V10_4_5, "0.1.0")
        return PeerLists(
            self.store,
            recorder,
            self.clock,
            side=side,
            fetch=self.web,
            turn=nullcontext(),
            changed=self.change,
        )

    def change(self) -> None:
        self.changes += 1


@pytest.fixture
def scene() -> Scene:
    return Scene()


def refused(scene: Scene, **changes: object) -> SealwireError:
    arguments: dict[str, object] = {"location": URL} | changes
    name = str(arguments.pop("name", "issuing"))
    with pytest.raises(RefusedError) as caught:
        scene.lists.add("admin", name, **arguments)  # type: ignore[arg-type]
    return caught.value


def test_a_list_is_loaded_as_it_is_added_and_judges_at_once(scene: Scene) -> None:
    scene.web.pages[URL] = der(crl(FAMILY.issuing, [FAMILY.leaf]))
    assert scene.lists.guard().objection(PATH, NOW) is None
    added = scene.lists.add("admin", "issuing", location=URL)
    assert (added.issuer, added.entries, added.last_error) == ("CN=Test Issuing CA", 1, "")
    assert (added.this_update, added.loaded) == (NOW - timedelta(1), NOW)
    assert "is revoked" in str(scene.lists.guard().objection(PATH, NOW))
    assert scene.lists.guard() is scene.lists.guard()
    assert scene.changes == 1
    scene.lists.remove("admin", "issuing")
    assert scene.lists.guard().objection(PATH, NOW) is None
    assert scene.changes == 2
    records = scene.store.read(lambda tx: tx.trail_records("sensor", start=0, limit=9))
    texts = [record.text for record in records]
    assert ["crl-add" in text or "crl-remove" in text for text in texts] == [True, True]
    assert all("[SubjectID=admin]" in text for text in texts)


def test_the_sides_are_apart(scene: Scene) -> None:
    scene.web.pages[URL] = der(crl(FAMILY.issuing, [FAMILY.leaf]))
    scene.lists.add("admin", "issuing", location=URL)
    appliance = scene.side(Side.APPLIANCE)
    assert appliance.sources() == []
    assert appliance.guard().objection(PATH, NOW) is None


def test_a_list_may_be_handed_in_and_is_never_fetched(scene: Scene) -> None:
    both = pem(crl(FAMILY.issuing)) + pem(crl(FAMILY.root))
    added = scene.lists.add("admin", "given", content=both)
    assert added.issuer == "CN=Test Issuing CA; CN=Test Root"
    scene.clock.at += timedelta(days=365)
    scene.lists.refresh_due()
    assert list(scene.lists.refresh()) == []
    assert scene.web.asked == []
    with pytest.raises(RefusedError):
        scene.lists.add("admin", "junk", content=b"no list")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "a b"}, "crl.name"),
        ({"name": ""}, "crl.name"),
        ({"location": ""}, "crl.location"),
        ({"content": b"x"}, "crl.location"),
        ({"location": "ftp://crl.example.com/a"}, "crl.location"),
        ({"location": "ldap:///cn=x"}, "crl.location"),
        ({"location": "relative.crl"}, "crl.location"),
        ({"location": "/a\nb"}, "crl.location"),
        ({"stale_policy": "lenient"}, "crl.policy"),
        ({"refresh_seconds": 5}, "crl.refresh"),
        ({"refresh_seconds": 10**9}, "crl.refresh"),
    ],
)
def test_what_cannot_be_configured(scene: Scene, changes: dict[str, object], code: str) -> None:
    error = refused(scene, **changes)
    assert error.code == "crl.invalid"
    assert [finding.code for finding in error.findings] == [code]
    assert scene.web.asked == []


def test_all_faults_at_once(scene: Scene) -> None:
    error = refused(scene, name="?", location="", stale_policy="x", refresh_seconds=0)
    assert len(error.findings) == 4


def test_a_name_is_taken_once_and_there_is_a_most(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.web.pages[URL] = der(crl(FAMILY.issuing))
    scene.lists.add("admin", "issuing", location=URL)
    with pytest.raises(ConflictError):
        scene.lists.add("admin", "issuing", location=URL)
    for number in range(2, peer_lists.MAX_SOURCES + 1):
        scene.lists.add("admin", f"list-{number}", location=URL)
    assert refused(scene, name="one-more").code == "crl.too_many"
    with pytest.raises(NotFoundError):
        scene.lists.remove("admin", "absent")
    with pytest.raises(NotFoundError):
        scene.lists.refresh("absent")


def test_a_soft_list_may_come_later_and_a_hard_one_may_not(scene: Scene) -> None:
    soft = scene.lists.add("admin", "soft", location=URL)
    assert (soft.content, soft.last_error) == (b"", "nobody answers")
    assert scene.lists.contents() == ()
    assert refused(scene, name="hard", stale_policy="hard").code == "crl.unloaded"
    assert [each.name for each in scene.lists.sources()] == ["soft"]
    scene.web.pages[URL] = der(crl(FAMILY.issuing))
    (loaded,) = scene.lists.refresh("soft")
    assert (loaded.last_error, loaded.issuer) == ("", "CN=Test Issuing CA")


@pytest.mark.parametrize("answer", [None, b"<html>gone</html>", FAMILY.leaf.der])
def test_what_was_there_stays_when_loading_fails(scene: Scene, answer: bytes | None) -> None:
    scene.web.pages[URL] = der(crl(FAMILY.issuing, [FAMILY.leaf]))
    scene.lists.add("admin", "issuing", location=URL)
    del scene.web.pages[URL]
    if answer is not None:
        scene.web.pages[URL] = answer
    scene.clock.at += MINUTE
    (after,) = scene.lists.refresh()
    assert after.last_error
    assert (after.entries, after.loaded, after.checked) == (1, NOW, NOW + MINUTE)
    assert scene.changes == 1
    assert "is revoked" in str(scene.lists.guard().objection(PATH, NOW))


def test_an_older_list_does_not_replace_a_newer_one(scene: Scene) -> None:
    scene.web.pages[URL] = der(crl(FAMILY.issuing, [FAMILY.leaf]))
    before = scene.lists.add("admin", "issuing", location=URL)
    scene.store.run(lambda tx: tx.put_revocation_source(replace(before, this_update=NOW + MINUTE)))
    scene.web.pages[URL] = der(crl(FAMILY.issuing))
    (after,) = scene.lists.refresh()
    assert "older" in after.last_error
    assert after.entries == 1


def test_due_by_schedule_sooner_after_a_failure_and_when_late(scene: Scene) -> None:
    scene.web.pages[URL] = der(crl(FAMILY.issuing))
    source = scene.lists.add("admin", "issuing", location=URL, refresh_seconds=3600)
    assert not is_due(source, NOW + 59 * MINUTE)
    assert is_due(source, NOW + 60 * MINUTE)
    broken = replace(source, last_error="no")
    assert not is_due(broken, NOW + 4 * MINUTE)
    assert is_due(broken, NOW + 5 * MINUTE)
    late = replace(source, next_update=NOW)
    assert is_due(late, NOW + 5 * MINUTE)
    assert is_due(replace(source, checked=None), NOW)
    assert not is_due(replace(source, location="", checked=None), NOW + 900 * MINUTE)
    scene.lists.refresh_due()
    scene.clock.at += 60 * MINUTE
    scene.lists.refresh_due()
    assert scene.web.asked == [URL, URL]


def test_what_was_removed_meanwhile_does_not_come_back(scene: Scene) -> None:
    scene.web.pages[URL] = der(crl(FAMILY.issuing))
    scene.lists.add("admin", "issuing", location=URL)
    fetch = scene.lists._fetch

    def remove_first(locations: Sequence[str]) -> Sequence[bytes | SealwireError]:
        scene.lists.remove("admin", "issuing")
        return fetch(locations)

    scene.lists._fetch = remove_first
    scene.lists.refresh()
    assert scene.lists.sources() == []
