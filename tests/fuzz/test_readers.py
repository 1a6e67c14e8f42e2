"""The readers on spoilt input: no fault but ours, and none that takes a second.

By itself it runs for as long as it is told, each time with other input:

    .venv/bin/python -m tests.fuzz.test_readers SECONDS
"""

from __future__ import annotations

import sys
import warnings

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.clock import SystemClock
from tests.fuzz.targets import TARGETS, run, seeds, spoilt

SEEDS = seeds()
ANYTHING = st.one_of(spoilt(SEEDS), st.binary(max_size=400))


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_a_target_takes_every_seed(name: str, number: int) -> None:
    run(TARGETS[name], SEEDS[number])


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=120)
@given(data=ANYTHING)
def test_a_target_stands_anything(name: str, data: bytes) -> None:
    run(TARGETS[name], data)


def main(seconds: float) -> None:
    """Go on until the time is up or something is found."""
    warnings.simplefilter("error")
    clock, rounds = SystemClock(), 0
    until = clock.monotonic() + seconds
    while clock.monotonic() < until:
        for target in TARGETS.values():

            @hypothesis.seed(rounds)
            @settings(max_examples=500, database=None, deadline=None)
            @given(data=ANYTHING)
            def stands(data: bytes) -> None:
                run(target, data)  # noqa: B023 - called within the loop

            stands()
            rounds += 1
    sys.stdout.write(f"{rounds * 500} inputs, nothing found\n")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
