"""The look at what is due: again and again, and not every second after a failure."""

from __future__ import annotations

import threading

import pytest

from sealwire.bootstrap.status_watch import status_watch
from sealwire.ca.publication import StatusPublisher
from sealwire.errors import UnavailableError
from tests.unit.ca.publishing import issued, publisher, revocations
from tests.unit.ca.scene import founded

SOON = 10.0


class Tended(StatusPublisher):
    """Counts the looks; fails when told to."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.looks = 0
        self.twice = threading.Event()
        self.failure = failure
        self.failed = threading.Event()

    def tend(self) -> None:
        self.looks += 1
        if self.looks == 2:
            self.twice.set()
        if self.failure is not None:
            self.failed.set()
            raise self.failure


def test_it_looks_again_and_again_until_it_is_stopped() -> None:
    tended = Tended()
    watch = status_watch(tended, every_s=0.001)
    watch.start()
    assert tended.twice.wait(SOON)
    watch.stop()
    looks = tended.looks
    watch.stop()
    assert tended.looks == looks


@pytest.mark.parametrize(
    "failure", [UnavailableError("crl.failed", "no key"), RuntimeError("unforeseen")]
)
def test_after_a_failure_it_waits(failure: Exception) -> None:
    tended = Tended(failure)
    watch = status_watch(tended, every_s=0.001)
    watch.start()
    assert tended.failed.wait(SOON)
    assert not tended.twice.wait(0.1)
    watch.stop()
    assert tended.looks == 1


def test_one_that_never_began_can_be_stopped() -> None:
    status_watch(Tended()).stop()


def test_a_revocation_is_published_by_itself() -> None:
    scene = founded()
    use_cases = publisher(scene)
    watch = status_watch(use_cases, every_s=0.01)
    watch.start()
    revocations(scene).hold(issued(scene), actor="caadmin")
    pause = threading.Event()
    for _ in range(1000):
        if use_cases.crl_head() is not None:
            break
        pause.wait(0.01)
    watch.stop()
    assert use_cases.crl().entries == 1
