"""A store process that says what main does not know: it is replaced, and nobody waits for it."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from sealwire.clock import SystemClock
from sealwire.errors import UnavailableError
from sealwire.net.store_link import StoreFeed, StoreHearer, StoreLink, StorePlaces
from sealwire.sensor.policy import ArchivePolicy

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 20.0
STRANGER = """
import socket, sys
main = socket.socket(fileno=int(sys.argv[1]))
main.recv(1)
main.sendall(b'%s\\n')
main.recv(1 << 20)
while main.recv(1 << 20): pass
"""


@pytest.mark.parametrize(
    "said", ['{"event":"news"}', '{"event":"status","status":7}', "{}", "7", "no JSON"]
)
def test_a_store_process_of_another_version_is_started_again(tmp_path: Path, said: str) -> None:
    places = StorePlaces(*(tmp_path / name for name in ("j", "s", "i", "n")), "sensor")
    lost: list[str] = []
    twice = threading.Event()

    def hear(how: str) -> None:
        lost.append(how)
        if len(lost) > 1:
            twice.set()

    link = StoreLink(places, SystemClock(), (sys.executable, "-c", STRANGER % said))
    link.start(
        StoreFeed(dict, lambda: True, ArchivePolicy), StoreHearer(hear, lambda _code, _text: None)
    )
    try:
        assert twice.wait(PATIENCE), "nobody noticed"
        clock = SystemClock()
        begun = clock.monotonic()
        with pytest.raises(UnavailableError):
            link.ask("count", {})
        assert clock.monotonic() - begun < PATIENCE
    finally:
        link.stop()


def test_a_store_process_that_is_still_loading_is_not_waited_for(tmp_path: Path) -> None:
    places = StorePlaces(*(tmp_path / name for name in ("j", "s", "i", "n")), "sensor")
    clock = SystemClock()
    link = StoreLink(places, clock, (sys.executable, "-c", "import time; time.sleep(60)"))
    link.start(
        StoreFeed(dict, lambda: True, ArchivePolicy), StoreHearer(str, lambda _code, _text: None)
    )
    until = clock.monotonic() + PATIENCE
    while link.pid is None and clock.monotonic() < until:
        threading.Event().wait(0.01)
    assert link.pid is not None
    begun = clock.monotonic()
    link.stop()
    # One that has begun its work is given ten seconds to finish.
    assert clock.monotonic() - begun < 8
