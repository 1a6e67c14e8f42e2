"""What looks again and again says a trouble once, and says it anew when it comes again."""

from __future__ import annotations

import threading

from structlog.testing import capture_logs

from sealwire.bootstrap.beat import Beat
from sealwire.errors import UnavailableError

SOON = 10.0


def test_a_trouble_that_stays_is_said_once() -> None:
    looks = iter(["away", "away", "", "away", "other", "other", "away"])
    done = threading.Event()

    def look() -> None:
        trouble = next(looks, None)
        if trouble is None:
            done.set()
        elif trouble:
            raise UnavailableError("test.trouble", trouble)

    beat = Beat("test", look, every_s=0.001, trouble="nothing is done")
    with capture_logs() as said:
        beat.start()
        assert done.wait(SOON)
        beat.stop()
    assert [line["error"] for line in said] == ["away", "away", "other", "away"]
