"""/metrics: sound for Prometheus, complete, and its labels are bounded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sealwire.api.metrics import MOST_ADDRESSES, Figures
from sealwire.sensor.journal import BlockSummary, Connection, Position, Total
from sealwire.sensor.observations import Numbered, Observations, Seen, SeenBatch
from sealwire.sensor.statistics import TlsFailure
from tests.unit.sensor.scene import SENDER, SensorScene

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from sealwire.sensor.service import Sensor


class SeeingScene(SensorScene):
    """A sensor whose archive has seen one batch."""

    def __init__(self) -> None:
        super().__init__()
        seen = Observations()
        source = (SENDER.address, SENDER.certificate_sha256)
        counted = [Seen(source, "grades", "strict", 4), Seen(source, "formats", 'odd"\n', 4)]
        seen.feed(SeenBatch(counted, [Numbered(source, "web", [1, 4])]))
        self.archive.observations = seen.documents  # type: ignore[method-assign]


def families(sensor: Sensor) -> dict[str, Metric]:
    registry = CollectorRegistry()
    registry.register(Figures((), sensor.stats()))
    text = generate_latest(registry).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def values(family: Metric) -> dict[tuple[str, ...], float]:
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


def test_figures_are_sound_and_of_the_right_kind() -> None:
    scene = SeeingScene()
    scene.journal.receive(b"one", b"three")
    scene.sensor.connections_refused(
        [TlsFailure(f"192.0.2.{n}", "not_tls", "x", 2, 1) for n in range(5)]
    )
    found = families(scene.sensor)
    assert all(name.startswith("sealwire_") for name in found)
    assert all(family.documentation.endswith(".") for family in found.values())
    assert all(family.type in {"counter", "gauge"} for family in found.values())
    assert found["sealwire_packets_received"].type == "counter"
    assert values(found["sealwire_packets_received"]) == {(): 2.0}
    # Nobody seals in this scene.
    assert values(found["sealwire_troubles"]) == {("journal",): 0.0, ("archive",): 1.0}
    scene.sensor.journal_trouble(0, "no space left")
    stuck = families(scene.sensor)["sealwire_troubles"]
    assert values(stuck) == {("journal",): 1.0, ("archive",): 1.0}
    scene.sensor.journal_trouble(0, None)
    assert values(found["sealwire_transport_packets"]) == {("tls",): 2.0}
    assert values(found["sealwire_port_bytes"]) == {("6514",): 8.0}
    assert values(found["sealwire_tls_packets"]) == {("x", "TLSv1.3"): 2.0}
    assert values(found["sealwire_tls_failures"]) == {("not_tls",): 10.0}
    assert values(found["sealwire_messages_by_grade"]) == {("strict",): 4.0}
    assert values(found["sealwire_messages_by_rule"]) == {('odd"\n',): 4.0}
    assert values(found["sealwire_sequence_missing"]) == {(): 2.0}
    assert found["sealwire_sequence_missing"].type == "gauge"
    assert values(found["sealwire_source_packets"]) == {(SENDER.address,): 2.0}
    assert set(values(found["sealwire_messages_per_second"])) == {("1m",), ("5m",)}
    assert values(found["sealwire_ready"]) == {(): 1.0}


def test_only_the_addresses_that_send_most_are_labels() -> None:
    scene = SensorScene()
    statistics = scene.sensor._restored()
    for number in range(MOST_ADDRESSES + 10):
        one = Connection(1, f"198.51.100.{number}", 1, 514, "", "", transport="udp")
        total = Total(one, number + 1, 10, 1)
        statistics.apply(1, BlockSummary(Position(1, number + 1), [total], []))
    found = families(scene.sensor)
    for name in ("packets", "bytes", "sequence_missing", "last_seen_seconds"):
        addresses = values(found[f"sealwire_source_{name}"])
        assert len(addresses) == MOST_ADDRESSES
        assert ("198.51.100.9",) not in addresses
        assert ("198.51.100.10",) in addresses
    assert values(found["sealwire_source_count"]) == {(): MOST_ADDRESSES + 10}


def test_every_figure_that_the_manual_has_rules_for_is_there() -> None:
    stats = SeeingScene().sensor.stats()
    registry = CollectorRegistry()
    registry.register(Figures((), {**stats, "archive": {**stats["archive"], "lag_seconds": 0}}))
    shown = set(re.findall(r"^# TYPE (\w+)", generate_latest(registry).decode(), re.MULTILINE))
    manual = Path(__file__).resolve().parents[3] / "docs" / "receiving.md"
    named = set(re.findall(r"sealwire_\w+", manual.read_text(encoding="utf-8")))
    assert len(named) > 8
    assert named - shown == set()


def test_an_alarm_that_is_over_counts_no_more() -> None:
    scene = SensorScene()
    scene.sensor.receiver_alarm(0, "accepting_paused", "all connections are taken")
    scene.sensor.archive_alarm("segments_damaged", "a segment is not what was sealed")
    both = {("accepting_paused",): 1.0, ("segments_damaged",): 1.0}
    assert values(families(scene.sensor)["sealwire_alarms"]) == both
    scene.clock.advance(11)
    assert values(families(scene.sensor)["sealwire_alarms"]) == {("segments_damaged",): 1.0}
