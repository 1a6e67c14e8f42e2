"""``kill -9`` of an appliance's node in mid-stream: nothing is missing at another's sensor."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from sealwire.clock import SystemRandom
from tests.flow.commands import good, run
from tests.flow.live_node import Watch
from tests.flow.node import Node
from tests.flow.peers import wait_until
from tests.flow.rsyslog_listener import tlog, trail_of, trail_size, without_repeats
from tests.flow.test_forward_to_rsyslog import write_slowly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLIANCE = "fmc.example.test"
SENSOR = "sensor.example.test"
IN_EACH_ROUND = 1500


@pytest.fixture(scope="module")
def sensor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The node that receives; its CA signs for both."""
    folder = tmp_path_factory.mktemp("sensor")
    with Node(folder / "home") as running:
        running.certify_sensor(folder)
        running.run("sensor", "listener", "set", "--client-certificate", "required")
        yield running


@pytest.fixture(scope="module")
def appliance(sensor: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The node that streams to it, with mutual authentication."""
    folder = tmp_path_factory.mktemp("appliance")
    csr, bag = folder / "appliance.csr", folder / "bag.pem"
    with Node(folder / "home", host_name=APPLIANCE) as running:
        running.run("appliance", "csr", "--cn", APPLIANCE, "-o", str(csr))
        bag.write_text(sensor.certify(csr, "caAuditClientCert"))
        running.run("appliance", "import", str(bag))
        where = f"127.0.0.1:{sensor.target.port}"
        roots = str(sensor.home / "credentials" / "ca-roots.pem")
        words = ("--name", "sensor", "--ca", roots, "--server-name", SENSOR)
        running.run("appliance", "destination", "add", where, *words)
        running.run("appliance", "stream", "start", "sensor")
        yield running


def received(sensor: Node) -> list[bytes]:
    """Everything in the journal, oldest first."""
    lines = good(run(sensor.home, "sensor", "tail", "-n", "100000", "--json")).splitlines()
    return [json.loads(line)["raw"].encode() for line in lines]


@pytest.mark.soak
def test_killed_in_mid_stream_nothing_is_missing(
    tmp_path: Path, appliance: Node, sensor: Node, soak_rounds: int
) -> None:
    random = SystemRandom()
    source = tmp_path / "app.log"
    source.touch()
    appliance.run("appliance", "input", "add", str(source))
    lines = [b"line %d of app.log" % n for n in range(IN_EACH_ROUND * soak_rounds)]
    for start in range(0, len(lines), IN_EACH_ROUND):
        chunk = lines[start : start + IN_EACH_ROUND]
        with Watch(sensor) as watch:
            wait_until(lambda w=watch: w.answers > 0, "the counter")
            wanted = watch.last + 100 + random.token_bytes(1)[0]
            writer = threading.Thread(target=write_slowly, args=(source, chunk))
            writer.start()
            wait_until(lambda w=watch, n=wanted: w.last > n, "records arrive", 60)
        appliance.kill()
        writer.join()
        appliance.start()
    wait_until(lambda: trail_size(appliance.home, "inputs") == len(lines), "all are recorded", 60)
    recorded = trail_of(appliance.home, "inputs")
    # The kill neither lost a line of the file nor recorded one twice.
    texts = [m[-len(line) :] for m, line in zip(recorded, lines, strict=True)]
    assert texts == lines

    wait_until(lambda: recorded[-1] in received(sensor), "all are delivered", 60)
    arrived = received(sensor)
    assert all(tlog(message)[0].startswith(f"{APPLIANCE}/") for message in arrived)
    once = without_repeats(arrived)
    for trail in ("ca", "appliance", "sensor", "inputs"):
        of_trail = [m for m in once if tlog(m)[0] == f"{APPLIANCE}/{trail}"]
        # What our own commands added last may still be under way.
        assert of_trail == trail_of(appliance.home, trail)[: len(of_trail)], trail
    assert [m for m in once if tlog(m)[0].endswith("/inputs")] == recorded
