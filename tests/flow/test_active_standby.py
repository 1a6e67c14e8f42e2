"""Two units of one appliance on one database: who may change, who streams, who takes over."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from sealwire.bootstrap.home import Home
from sealwire.clock import SystemClock
from tests.flow.authority import LOOPBACK
from tests.flow.commands import refused, run
from tests.flow.node import Node
from tests.flow.peers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.postgresql import PostgresqlServer

FIRST, SECOND = "one.example.test", "two.example.test"
TAKES_OVER_WITHIN = 10.0
_IDX = re.compile(rf'\[tlog@32473 log="{re.escape(FIRST)}/appliance" idx="([0-9]+)"\]')

Units = tuple[Node, Node]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def units(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Units]:
    """The first unit, with a CA and a sensor beside it, and the second; on each engine."""
    folder = tmp_path_factory.mktemp("units")
    url = f"sqlite:///{folder / 'shared.db'}"
    if request.param == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        url = server.migrated_url()
    shared = ("--database", url)
    with ExitStack() as stack:
        first = stack.enter_context(Node(folder / "h1", FIRST, shared))
        options = (*shared, "--unit", "unit-2", "--roles", "appliance")
        yield first, stack.enter_context(Node(folder / "h2", SECOND, options))


def role(node: Node) -> tuple[str, str]:
    status = node.json("appliance", "ha", "status")
    return status["role"], status["active_unit"]


def certify(unit: Node, authority: Node, folder: Path) -> None:
    """The unit's audit log client certificate, by its own CSR."""
    csr, bag = folder / f"{unit.host_name}.csr", folder / f"{unit.host_name}.pem"
    unit.run("appliance", "csr", "--cn", unit.host_name, "-o", str(csr))
    bag.write_text(authority.certify(csr, "caAuditClientCert"))
    unit.run("appliance", "import", str(bag))


def received(sensor: Node) -> list[int]:
    """Indexes of the appliance's records as they arrived."""
    return [int(idx) for idx in _IDX.findall(sensor.run("sensor", "tail", "-n", "10000"))]


def wait_for_all(units: Units) -> int:
    """Return when the sensor has every record of the shared trail; how many."""
    records = units[0].run("audit", "list", "--trail", "appliance").splitlines()
    wait_until(
        lambda: set(received(units[0])) >= set(range(len(records))),
        f"all of {len(records)} records",
        20,
    )
    return len(records)


def changes(node: Node) -> list[str]:
    listed = node.run("audit", "list", "--trail", "appliance")
    found = [line for line in listed.splitlines() if "AuditEvent=UNIT_CHANGE" in line]
    return [
        f"{line.split('unit;;')[1][:6]} {line.split('Operation;;')[1].split('+')[0]}"
        for line in found
    ]


def test_a_standby_unit_refuses_and_says_where_to_go(units: Units) -> None:
    first, second = units
    assert role(first) == ("active", "unit-1")
    assert role(second) == ("standby", "unit-1")
    assert changes(first) == ["unit-1 join", "unit-2 join"]
    url = first.json("appliance", "ha", "status")["active_url"]
    assert url.startswith(f"https://{FIRST}:")
    for words in (
        ("csr", "--cn", SECOND),
        ("import", __file__),
        ("rollback",),
        ("destination", "add", "sensor.example.test:6514"),
        ("destination", "remove", "sensor"),
        ("input", "add", __file__),
    ):
        done = run(second.home, "appliance", *words)
        refused(done, 2, "unit-2 is a standby unit", "the active unit is unit-1", url)
    transport = httpx.HTTPTransport(uds=str(Home(second.home).socket))
    with httpx.Client(transport=transport, base_url="http://sealwire/api/v1/appliance") as api:
        asked = (
            api.get("/certificate"),
            api.post("/csr", json={"common_name": SECOND}),
            api.post("/certificate/rollback"),
            api.post("/destinations/sensor/start", json={}),
            api.post("/destinations/sensor/stop"),
        )
        for answer in asked:
            assert answer.status_code == 409
            problem = answer.json()
            assert problem["code"] == "ha.standby"
            assert (problem["active_unit"], problem["active_url"]) == ("unit-1", url)
            assert url in problem["detail"]
    assert second.json("appliance", "show")["ha"]["role"] == "standby"

    first.run("appliance", "ha", "demote")
    assert role(first) == role(second) == ("standby", "")
    refused(run(first.home, "appliance", "csr", "--cn", FIRST), 2, "no unit is active", "promote")
    second.run("appliance", "ha", "promote")
    second.run("appliance", "csr", "--cn", SECOND)
    assert role(first) == ("standby", "unit-2")


def test_roles_change_hands_and_streaming_goes_with_them(units: Units, tmp_path: Path) -> None:
    first, second = units
    first.run("appliance", "ha", "promote")
    assert role(first) == ("active", "unit-1")
    assert role(second) == ("standby", "unit-1")
    told = len(changes(first))
    first.certify_sensor(tmp_path)
    certify(first, first, tmp_path)
    first.run("sensor", "listener", "set", "--client-certificate", "required")
    address = f"{LOOPBACK}:{first.target.port}"
    first.run("appliance", "destination", "add", address, "--name", "sensor")
    first.run("appliance", "stream", "start", "sensor")
    wait_for_all(units)

    second.run("appliance", "ha", "promote")
    assert role(first) == ("standby", "unit-2")
    certify(second, first, tmp_path)
    wait_for_all(units)

    # Back and forth: each unit writes while it is active, and streams what the other left.
    for unit in (first, second, first, second):
        unit.run("appliance", "ha", "promote")
        unit.run("appliance", "csr", "--cn", unit.host_name)
    wait_for_all(units)

    second.kill()
    clock = SystemClock()
    died = clock.monotonic()
    wait_until(lambda: role(first) == ("active", "unit-1"), "take-over", TAKES_OVER_WITHIN)
    assert clock.monotonic() - died < TAKES_OVER_WITHIN
    first.run("appliance", "csr", "--cn", FIRST)
    wait_for_all(units)

    second.start()
    assert role(second) == ("standby", "unit-1")
    count = wait_for_all(units)
    arrived = received(first)
    # Nothing is missing, and what came twice is told by its index.
    assert set(arrived) >= set(range(count))
    promotions = [f"unit-{number} promote" for number in (2, 1, 2, 1, 2)]
    assert changes(first)[told:] == [*promotions, "unit-1 take-over"]
