"""What docs/hostile-input.md says of counts, reasons and bounds is what the sensor does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sealwire.config.receiving import ReceivingSettings
from sealwire.syslog.framing import DEFAULT_MAX_MESSAGE, FrameDecoder, messages_of
from sealwire.syslog.kinds import Kind

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "hostile-input.md").read_text(encoding="utf-8")
GOOD = b"8 <1>first"
AFTER = b"7 <1>next"
LONG = b"x" * DEFAULT_MAX_MESSAGE


def rows(section: str) -> list[list[str]]:
    """Cells of a section's table, without its head."""
    part = TEXT.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip(" ") for cell in line.strip("|").split("|")] for line in lines[2:]]


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


COUNTS = [(spans(what)[0].encode(), first, later) for what, first, later in rows("Counts")]


def read(data: bytes) -> tuple[Kind | None, list[bytes], set[Kind]]:
    decoder = FrameDecoder()
    used, segments = decoder.decode(data)
    segments += [
        (k, used + a, used + b, n) for k, a, b, n in decoder.close(data[used:], orderly=True)
    ]
    messages = [one for k, a, b, _ in segments for one in messages_of(k, data[a:b])]
    return decoder.mode, messages, {kind for kind, *_ in segments}


def test_there_are_enough() -> None:
    assert len(COUNTS) >= 13


@pytest.mark.parametrize(("what", "first", "later"), COUNTS)
def test_counts_are_handled_as_told(what: bytes, first: str, later: str) -> None:
    if first == "line":
        assert read(what + b"\n" + b"<1>next\n")[:2] == (Kind.LINES, [what, b"<1>next"])
    elif first == "cut":
        mode, messages, kinds = read(what + LONG)
        assert (mode, len(messages[0])) == (Kind.OCTETS, DEFAULT_MAX_MESSAGE)
        assert Kind.TRUNCATED in kinds
    else:
        assert read(what + AFTER)[:2] == (Kind.OCTETS, [what.partition(b" ")[2], b"<1>next"])
    kinds = read(GOOD + what + (LONG if later == "cut" else b"\n" + AFTER))[2]
    found = {Kind.BAD_COUNT: "skipped", Kind.TRUNCATED: "cut"}
    assert [found[kind] for kind in kinds if kind in found] == [later] * (later != "counted")
    if later == "skipped":
        assert read(GOOD + what + b"\n" + AFTER)[1] == [b"<1>first", b"<1>next"]


@pytest.mark.parametrize("section", ["TLS", "Too much, too slow"])
def test_every_reason_is_one_that_the_sensor_gives(section: str) -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "src/sealwire/net").glob("*.py"))
    told = [reason for _, cell, _ in rows(section) for reason in spans(cell)]
    assert len(told) >= 8
    assert [one for one in told if f'"{one}"' not in code] == []


def test_every_bound_is_a_setting() -> None:
    told = [name for *_, cell in rows("Too much, too slow") for name in spans(cell)]
    assert set(told) == set(ReceivingSettings.model_fields) - {"max_message", "connections"}
