"""``sealwire demo``: the story holds on either engine, and a step that does not hold is named."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.flow.commands import SEALWIRE, good, refused, run, state
from tests.flow.live_node import is_free
from tests.flow.node import Node
from tests.flow.peers import wait_until
from tests.flow.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.postgresql import PostgresqlServer

MOST_CPU_SECONDS = 20.0
"""Of the node and all commands together: well over what it takes, also of a busy machine."""

STEPS = [f"== {number}. " for number in range(1, 6)]


def cpu_seconds() -> float:
    """Of all children that have ended, and theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def begin(home: Path, **environment: str) -> subprocess.Popen[str]:
    """The demo, its output to be read line by line."""
    return subprocess.Popen(
        [*SEALWIRE, "demo", "--home", str(home)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
    )


def test_the_story_holds_and_leaves_a_home_to_go_on_with(tmp_path: Path) -> None:
    home, before = tmp_path / "home", cpu_seconds()
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    with begin(home, SEALWIRE_DATABASE=url) as demo:
        said, complaints = demo.communicate(timeout=180)
    assert demo.returncode == 0, f"{said}\n{complaints}"
    assert url not in said
    positions = [said.index(step) for step in STEPS]
    assert positions == sorted(positions)
    assert "The story holds: every step was checked." in said
    assert f"`sealwire up --home {home}`, and the same --database, goes on with it." in said
    assert "CN=fmc.example.test,OU=Security,O=Example Org,L=Austin,ST=TX,C=US" in said
    found = said[said.index("$ sealwire sensor search dogtag.AuditEvent=") :]
    for decision in ("Subject Name Not Matched", "reject for", "cancel for", "request succeeded"):
        assert decision in found
    assert re.search(r"\.parquet row \d+ SHA-256 [0-9a-f]{64}\nthat segment is there", found)
    assert cpu_seconds() - before < MOST_CPU_SECONDS

    with Node(home, options=("--database", url)) as node:
        stats = node.json("sensor", "stats")
        assert stats["packets_received"] > 20
        assert "one-time password" not in node.said()
        (destination,) = node.json("appliance", "destination", "list")
        # It goes on streaming, to the port that the sensor had then.
        assert (destination["name"], destination["enabled"]) == ("sensor", True)
        # Searched in the index that was made by the first node.
        asked = "dogtag.AuditEvent=CERT_REQUEST_PROCESSED"
        assert node.json("sensor", "search", "--count", asked) == {"count": 7}
        events = node.run("audit", "list", "--trail", "ca")
        assert events.count("[AuditEvent=CERT_REQUEST_PROCESSED]") == 7

    again = run(home, "demo", "--home", str(home))
    refused(again, 1, f"there is a node in {home} already", "hint: the story begins with a fresh")


def test_the_story_holds_on_postgresql_in_a_folder_of_its_own(
    postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    url = postgresql.fresh_url()
    said = good(run(None, "demo", SEALWIRE_DATABASE=url, TMPDIR=str(tmp_path)))
    assert "The story holds" in said
    assert url not in said
    assert "Everything is kept" not in said


def kill_the_node(home: Path) -> None:
    os.kill(state(home)["pid"], signal.SIGKILL)


def distrust_the_authority(home: Path) -> None:
    """Whoever administers the sensor no longer accepts what our CA signs."""
    other = home / "other.pem"
    other.write_text(Shop("Other").root)
    (own,) = Node(home).json("sensor", "trust", "list")
    assert run(home, "sensor", "trust", "add", str(other)).returncode == 0
    assert run(home, "sensor", "trust", "remove", own["sha256"]).returncode == 0


@pytest.mark.parametrize(
    ("happens", "during", "step", "words"),
    [
        (kill_the_node, STEPS[1], (2, 3), "the node has ended by itself"),
        (kill_the_node, STEPS[4], (5,), "the node has ended by itself"),
        (distrust_the_authority, STEPS[2], (4,), "destination test sensor` ended with exit code 2"),
    ],
)
def test_a_step_that_does_not_hold_is_named(
    tmp_path: Path,
    happens: Callable[[Path], None],
    during: str,
    step: tuple[int, ...],
    words: str,
) -> None:
    home = tmp_path / "home"
    with begin(home) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if line.startswith(during):
                happens(home)
                break
        said, complaints = demo.communicate(timeout=60)
    assert demo.returncode == 2, f"{said}\n{complaints}"
    last = [line for line in complaints.splitlines() if line.startswith("error: ")]
    assert last, complaints
    assert last[-1].startswith(tuple(f"error: step {n} of the story does not hold (" for n in step))
    assert words in last[-1]
    assert "Traceback" not in complaints
    assert "The story holds" not in said


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_nothing_of_a_demo_is_left_running(tmp_path: Path, ending: signal.Signals) -> None:
    home = tmp_path / "home"
    with begin(home) as demo:
        assert demo.stdout is not None
        next(line for line in demo.stdout if line.startswith(STEPS[0]))
        ports = state(home)["tls_ports"]
        demo.send_signal(ending)
        demo.communicate(timeout=60)
    assert demo.returncode != 0
    for port in ports:
        wait_until(lambda each=port: is_free(each), "the port is free")
