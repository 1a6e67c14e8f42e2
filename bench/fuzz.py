"""Fuzz everything that reads what strangers send: ``python -m bench.fuzz --seconds 60``.

Each target (see ``tests/fuzz``) runs in a process of its own, guided by which code its input
reaches, for so many seconds. It fails when a target raises anything but a ``SealwireError``,
takes more than a second of computing for one input, or holds 512 MB. What was found is kept in
``bench/out/fuzz``; it belongs into ``tests/fuzz/found``, where every test run tries it again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import resource
import subprocess
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from bench.machine import ROOT, description
from bench.results import add_record_option, report
from tests.fuzz.targets import TARGETS, beginnings

if TYPE_CHECKING:
    from collections.abc import Sequence

OUT: Final = ROOT / "bench" / "out" / "fuzz"
MOST_MEGABYTES: Final = 512
# By the clock on the wall, which also runs while others compute; a target's own watch is closer.
STUCK_SECONDS: Final = 60
_STATISTICS: Final = {
    "runs": r"stat::number_of_executed_units:\s*(\d+)",
    "memory": r"stat::peak_rss_mb:\s*(\d+)",
    "reached": r" cov: (\d+)",
}


class Outcome(NamedTuple):
    """What came of one target: CPU seconds, inputs tried, code reached, peak MB, and the fault."""

    name: str
    computed: float
    runs: int
    reached: int
    memory: int
    fault: str


def fuzz(name: str, seconds: int) -> Outcome:
    """Fuzz one target for so long, from its seeds and what earlier runs found interesting."""
    corpus = OUT / name
    corpus.mkdir(parents=True, exist_ok=True)
    for data in beginnings(name):
        (corpus / hashlib.sha256(data).hexdigest()[:20]).write_bytes(data)
    command = [sys.executable, "-m", "tests.fuzz.guided", name, str(corpus)]
    command += [f"-max_total_time={seconds}", f"-timeout={STUCK_SECONDS}", "-print_final_stats=1"]
    command += [f"-rss_limit_mb={MOST_MEGABYTES}", f"-artifact_prefix={OUT}/{name}-"]
    paths = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    before = children_cpu()
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    said = ran.stdout + ran.stderr
    figures = {key: max(map(int, re.findall(p, said)), default=0) for key, p in _STATISTICS.items()}
    fault = said[-4000:] if ran.returncode else ""
    computed = children_cpu() - before
    return Outcome(name, computed, figures["runs"], figures["reached"], figures["memory"], fault)


def children_cpu() -> float:
    """CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(outcomes: Sequence[Outcome], seconds: int) -> list[str]:
    """Markdown lines."""
    head = ["target", "seconds", "of them computing", "inputs", "branches", "most MB", "faults"]
    rows = []
    for one in outcomes:
        found = "see below" if one.fault else "none"
        figures = [seconds, round(one.computed), one.runs, one.reached, one.memory]
        rows.append([one.name, *(f"{figure:,}" for figure in figures), found])
    verdict = "missed" if any(one.fault for one in outcomes) else "met"
    return [
        f"| {' | '.join(head)} |",
        "|---|--:|--:|--:|--:|--:|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        f"- target: no fault, no input above 1 s, below {MOST_MEGABYTES} MB: {verdict}",
    ]


def main(words: Sequence[str]) -> int:
    """Fuzz, print, and record when asked; 1 when something was found."""
    parser = argparse.ArgumentParser(prog="bench.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", action="append", choices=list(TARGETS), help="only this one")
    add_record_option(parser)
    asked = parser.parse_args(words)
    outcomes = []
    for name in asked.target or TARGETS:
        outcomes.append(fuzz(name, asked.seconds))
        sys.stdout.write(f"{outcomes[-1]}\n")
        sys.stdout.flush()
    report("Fuzzing", [*description(), "", *table(outcomes, asked.seconds)], record=asked.record)
    for one in outcomes:
        if one.fault:
            sys.stdout.write(f"\n{one.name}\n{one.fault}\n")
    return int(any(one.fault for one in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
