"""The readers on spoilt input: no fault but ours, and none that takes a second.

``make fuzz`` goes on for longer, guided by which code an input reaches.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import FOUND, TARGETS, beginnings, run, spoilt

SEEDS = {name: beginnings(name) for name in TARGETS}


def test_everything_that_was_found_belongs_to_a_target() -> None:
    assert {path.name for path in FOUND.iterdir() if path.is_dir()} <= set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_every_seed(name: str) -> None:
    for data in SEEDS[name]:
        run(TARGETS[name], data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=100)
@given(data=st.data())
def test_a_target_stands_anything(name: str, data: st.DataObject) -> None:
    run(TARGETS[name], data.draw(st.one_of(spoilt(SEEDS[name]), st.binary(max_size=400))))
