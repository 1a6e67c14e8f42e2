"""The measuring itself: every message is counted, and a missing one is no figure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bench.ingest import Figures, cells, measure, table
from bench.load import Packing, Row, row
from bench.receivers import Rsyslog, SyslogNg, cpu_seconds, tree

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
    assert cells(rounds, names, ["rsyslog"]) == ["200", "100", "1.50", "4.00", "3.0x", "3.0x"]
    assert table({row("b1"): rounds}, names)[-1].startswith("| b1 | 200 | 100 |")
