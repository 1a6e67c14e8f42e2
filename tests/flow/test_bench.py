"""The measuring itself: every message is counted, and a missing one is no figure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from bench.fuzz import Outcome
from bench.fuzz import table as fuzzed
from bench.good_sender import Delays
from bench.ingest import Figures, cells, measure, table, verdict
from bench.load import Packing, Row, row
from bench.real_lines import lines
from bench.receivers import Rsyslog, SyslogNg, cpu_seconds
from bench.sensor import Sensor
from bench.slowloris import verdicts
from bench.sustain import lag
from sealwire.bootstrap.process_figures import tree
from sealwire.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flow.authority import PeerAuthority, TlsFiles

MESSAGES = 3000


@pytest.fixture(scope="module")
def server(peer_authority: PeerAuthority) -> TlsFiles:
    return peer_authority.issue("measured.example.test")


@pytest.fixture(scope="module")
def client(peer_authority: PeerAuthority) -> TlsFiles:
    return peer_authority.issue("load.example.test")


@pytest.mark.parametrize("packing", ["b3", "1/3", "k3", "s3"])
@pytest.mark.parametrize("peer", [Rsyslog, SyslogNg])
def test_every_message_of_the_load_is_stored(
    tmp_path: Path,
    server: TlsFiles,
    client: TlsFiles,
    peer: type[Rsyslog | SyslogNg],
    packing: str,
) -> None:
    figures = measure(peer(tmp_path / "peer", server), row(packing), MESSAGES, client)
    assert figures.rate > 0
    assert figures.cpu > 0


def test_a_missing_message_is_no_figure(tmp_path: Path, server: TlsFiles, client: TlsFiles) -> None:
    class Forgetful(Rsyslog):
        def stored(self) -> int:
            return super().stored() - 1

    with pytest.raises(RuntimeError, match=f"sent {MESSAGES}, stored {MESSAGES - 1}"):
        measure(Forgetful(tmp_path / "peer", server), row("b1"), MESSAGES, client)


def test_a_process_tree_counts_as_one(tmp_path: Path, server: TlsFiles) -> None:
    with Rsyslog(tmp_path / "peer", server) as receiver:
        assert tree(receiver.pid) == [receiver.pid]
        before = cpu_seconds(receiver.pid)
        time.sleep(0.01)
        assert cpu_seconds(receiver.pid) >= before


def test_rows_by_name() -> None:
    assert row("1/100") == Row("1/100", Packing.SINGLE, 100)
    assert row("b10") == Row("b10", Packing.BATCH, 10)
    for nonsense in ("", "b", "b0", "1", "x10", "b1x"):
        with pytest.raises(ValueError, match="no row is called"):
            row(nonsense)


def test_ratios_are_taken_within_a_round() -> None:
    rounds = [
        {"sealwire": Figures(200_000, 1.0), "rsyslog": Figures(100_000, 3.0)},
        {"sealwire": Figures(100_000, 2.0), "rsyslog": Figures(10_000, 4.0)},
        {"sealwire": Figures(300_000, 1.5), "rsyslog": Figures(100_000, 6.0)},
    ]
    names = ["sealwire", "rsyslog"]
    line = ["200", "100", "1.50", "4.00", "3.0x", "3.0x", "0.00", "yes"]
    assert cells(row("b1"), rounds, names, ["rsyslog"]) == line
    assert verdict(row("b1"), 0.9, 2.9) == "no: rate 0.90x of 1.0x, CPU 2.90x of 3.0x"
    assert verdict(row("s1"), 1.0, 1.5) == verdict(row("k1"), 1.0, 2.0) == "yes"
    assert table({row("b1"): rounds}, names)[-1].startswith("| b1 | 200 | 100 |")


def test_lines_are_of_every_family_and_none_comes_twice() -> None:
    made = list(lines(0, 1000, SystemClock().now()))
    assert len(set(made)) == 1000
    for family in (b"AuditEvent=", b"[FMC-AUDIT]", b" sshd[", b" sudo[", b"[meta sequenceId="):
        assert sum(family in one for one in made) == 200


def test_nothing_is_finished_before_all_is_indexed() -> None:
    def stats(counted: int, sealed: int, waiting: int) -> dict[str, Any]:
        archive = {"sealed_records": sealed, "records_waiting": waiting}
        return {"packets_received": counted, "archive": archive}

    assert lag(stats(10, 10, 0), 10) == ""
    for behind in (stats(9, 10, 0), stats(10, 9, 0), stats(10, 10, 1)):
        assert lag(behind, 10)
    assert lag({"packets_received": 10, "archive": {"trouble": "away"}}, 10) == "away"


def test_a_node_is_measured_by_what_its_processes_are_for(
    tmp_path: Path, server: TlsFiles, client: TlsFiles
) -> None:
    sensor = Sensor(tmp_path / "node", server)
    figures = measure(sensor, row("b3"), MESSAGES, client)
    assert figures.rate > 0
    assert figures.cpu > 0
    assert figures.later >= 0
    assert sensor.node.process is not None
    assert sensor.node.process.poll() is not None


def test_a_good_sender_that_waits_twice_as_long_is_told() -> None:
    quick = Delays([1.0] * 99 + [10.0], [2.0] * 100)
    slow = Delays([2.5] * 99 + [10.0], [2.0] * 99 + [1500.0])
    told = {what: (found, met) for what, found, met in verdicts([quick] * 3, [slow] * 3, 301)}
    assert told["median until received, times that alone: < 2"] == ("2.50", False)
    assert told["median until answered, times that alone: < 2"] == ("1.00", True)
    assert not told["p99 until answered, times that alone: < 2"][1]
    assert not told["p99 of any round, ms: < 1000"][1]
    assert told["receivers, MB PSS: < 300"] == ("301", False)
    assert all(met for *_, met in verdicts([quick], [quick], 299))


def test_a_fault_that_fuzzing_finds_misses_the_target() -> None:
    found = Outcome("frames", 1.6, 1234, 56, 78, "")
    assert "| frames | 9 | 2 | 1,234 | 56 | 78 | none |" in fuzzed([found], 9)
    assert fuzzed([found], 9)[-1].endswith(": met")
    assert fuzzed([found, found._replace(fault="x")], 9)[-1].endswith(": missed")
