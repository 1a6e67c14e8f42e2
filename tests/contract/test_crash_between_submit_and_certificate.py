"""A CA killed at any step has done a deed with its records and evidence, or has not done it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

CHILD = "tests.contract.dying_authority"
ROOT = Path(__file__).resolve().parents[2]
ROUNDS_A_SWEEP = 5
COMMITTED = "after the commit, before the answer"

COUNTS: dict[str, dict[str, int]] = {
    "renew": {},
    "issue": {"certificates": 1, "complete": 1, "approved": 1, "requests": 1, "approvals": 1},
    "two approvers": {"certificates": 1, "complete": 1, "approved": 1, "approvals": 2},
    "revoke": {"requests": 1, "status_changes": 1},
    "hold and release": {"requests": 2, "status_changes": 2},
    "publish": {"crls": 1},
    "change a profile": {"versions": 1},
}
"""What there is more after each deed; audit records besides."""

STEPS = {
    "issue": ("after the linter", "after the signature", "after add_approval"),
    "two approvers": ("after the signature", "after add_approval", "after update_request"),
    "revoke": ("after update_revocation", "after put_setting", "after append_record"),
    "hold and release": ("after update_revocation", "after append_record"),
    "publish": ("after the signature", "after put_crl", "after put_setting"),
    "renew": ("after the signature", "after put_ca_certificates", "after append_record"),
    "change a profile": ("after add_profile_version", "after put_profile_state"),
}
"""Some of the steps that each must have been killed at."""


@dataclass(frozen=True)
class Life:
    """Where it was killed (None: it was not), and how much more there is after it."""

    step: str | None
    added: dict[str, int]


@pytest.mark.soak
def test_whichever_step_it_dies_at(database_url: str, tmp_path: Path, soak_rounds: int) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    for sweep in range(max(1, soak_rounds // ROUNDS_A_SWEEP)):
        lives = lived(database_url, keys, first=sweep == 0)
        assert list(lives) == list(COUNTS)
        for deed, ended in lives.items():
            judge(deed, ended)


def lived(url: str, keys: Path, *, first: bool) -> dict[str, list[Life]]:
    done = subprocess.run(
        [sys.executable, "-m", CHILD, url, str(keys), "found" if first else "again"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr + done.stdout[-500:]
    lines = done.stdout.splitlines()
    looks = [json.loads(line) for line in lines if line.startswith("{")]
    steps = ends_of(lines)
    assert len(steps) == len(looks) - 1
    lives = defaultdict(list)
    for look, following, step in zip(looks, looks[1:], steps, strict=False):
        before = look["ledger"]
        added = {name: count - before[name] for name, count in following["ledger"].items()}
        lives[look["deed"]].append(Life(step, added))
    return dict(lives)


def ends_of(lines: list[str]) -> list[str | None]:
    """How each life ended: after what it said of the store comes its last step, if there is one."""
    pairs = pairwise(lines)
    return [
        None if following.startswith("{") else following
        for line, following in pairs
        if line.startswith("{")
    ]


def judge(deed: str, lives: list[Life]) -> None:
    """A life has added what the one before had, except right after a commit; in the end all."""
    steps = [life.step or "" for life in lives]
    assert steps[-1] == ""
    assert steps.count("before the commit") == steps.count(COMMITTED) > 0
    for step in STEPS[deed]:
        assert any(each.endswith(step) for each in steps), (deed, step)
    for earlier, life in pairwise(lives):
        if life.step == COMMITTED:
            assert life.added["records"] > earlier.added["records"], (deed, life.step)
        else:
            assert life.added == earlier.added, (deed, life.step)
    # The first life ended before its deed had done anything: it shows what preparing it adds.
    whole = {name: count - lives[0].added[name] for name, count in lives[-1].added.items()}
    wanted = dict.fromkeys(whole, 0) | COUNTS[deed] | {"records": whole["records"]}
    assert whole == wanted, deed
