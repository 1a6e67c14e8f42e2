"""What is seen of messages: counted by column, folded in any portions, kept, shown."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.batches import MessageRun
from sealwire.sensor.journal import Connection
from sealwire.sensor.observations import (
    MOST_NAMES,
    MOST_SOURCES,
    Numbered,
    Observations,
    Seen,
    SeenBatch,
    ToldObservations,
    with_observations,
)
from sealwire.sensor.observed_columns import seen_in
from sealwire.sensor.record_columns import envelopes, unparsed
from sealwire.sensor.sources import OTHER
from sealwire.syslog.columns import parse_batch
from sealwire.syslog.kinds import Kind

CERTIFIED = Connection(1, "192.0.2.1", 1, 6514, "TLSv1.3", "x", "aa" * 32, "CN=a")
PLAIN = Connection(2, "192.0.2.1", 2, 514, "", "", transport="tcp")
AGAIN = Connection(9, "192.0.2.1", 7, 514, "", "", transport="tcp")
KEYS = [("192.0.2.1", "aa" * 32), ("192.0.2.1", None)]


def strict(number: object, host: str = "web") -> bytes:
    head = b"<13>1 2026-11-22T10:00:00Z %s app - - " % host.encode()
    return head + b'[meta sequenceId="%s"] text' % str(number).encode()


def seen(*runs: tuple[Connection, Kind, list[bytes]], flags: int = 0) -> SeenBatch:
    envelope = envelopes([MessageRun(10**18, one, kind, said) for one, kind, said in runs])
    parsed = parse_batch(envelope.raw, envelope.received_ns // 1000)
    return seen_in(envelope, parsed, np.full(len(envelope.raw), flags, np.uint16))


def of(documents: list[dict[str, Any]], certificate: str | None) -> dict[str, Any]:
    return next(one for one in documents if one["certificate_sha256"] == certificate)


def test_messages_are_counted_by_source_grade_rule_and_framing() -> None:
    observations = Observations()
    observations.feed(
        seen(
            (CERTIFIED, Kind.OCTETS, [strict(1), strict(2), b"what is this"]),
            (PLAIN, Kind.LINES, [b"<13>Nov 22 10:00:00 host app: text"]),
            (AGAIN, Kind.LINES, [strict(7, "db")]),
        )
    )
    documents = observations.documents()
    certified, plain = of(documents, "aa" * 32), of(documents, None)
    assert certified["grades"] == {"strict": 2, "raw": 1}
    assert certified["framing"] == {"octets": 3}
    assert certified["formats"]["rfc5424"] == 2
    assert plain["framing"] == {"lines": 2}
    assert sum(plain["formats"].values()) == 2
    assert plain["host_not_allowed"] == 0


def test_numbers_are_taken_from_the_first_time_a_message_comes_and_only_whole_ones() -> None:
    said = [strict(n) for n in (1, 2, "x", "", 0, 2_147_483_648, "٣", " 3", "99999999999", 5)]
    (numbered,) = seen((PLAIN, Kind.LINES, said)).numbered
    assert numbered == Numbered(KEYS[1], "web", [1, 2, 5])
    assert seen((PLAIN, Kind.LINES, said), flags=RecordFlag.REDELIVERED).numbered == []
    twice = b'<13>1 - web - - - [meta sequenceId="4" sequenceId="9"] x'
    assert [one.numbers for one in seen((PLAIN, Kind.LINES, [twice])).numbered] in ([], [[4]])


def test_numbers_are_of_a_source_and_its_host() -> None:
    batch = seen(
        (PLAIN, Kind.LINES, [strict(1, "a"), strict(5, "b"), strict(2, "a")]),
        (CERTIFIED, Kind.OCTETS, [strict(9, "a")]),
        (AGAIN, Kind.LINES, [strict(3, "a"), strict(6, "b"), b'<13>1 - - - - - [meta x="1"] -']),
    )
    assert sorted(batch.numbered, key=lambda one: (one.source[1] or "", one.host or "")) == [
        Numbered(KEYS[1], "a", [1, 2, 3]),
        Numbered(KEYS[1], "b", [5, 6]),
        Numbered(KEYS[0], "a", [9]),
    ]


def test_each_trail_of_a_machine_has_its_own_numbers() -> None:
    def of_trail(name: str, number: int) -> bytes:
        return strict(number).replace(
            b" text", b'[tlog@32473 log="%s" idx="0"] text' % name.encode()
        )

    said = [of_trail("ca", 1), of_trail("appliance", 1), strict(1), of_trail("ca", 2)]
    numbered = {(host, *numbers) for _, host, numbers in seen((PLAIN, Kind.LINES, said)).numbered}
    assert numbered == {("web ca", 1, 2), ("web appliance", 1), ("web", 1)}


def test_flags_are_counted() -> None:
    flags = RecordFlag.HOST_NOT_ALLOWED | RecordFlag.CLOCK_OFF
    observations = Observations()
    observations.feed(seen((PLAIN, Kind.LINES, [b"a", b"b"]), flags=flags))
    (document,) = observations.documents()
    assert (document["host_not_allowed"], document["clock_off"]) == (2, 2)
    assert document["redelivered"] == 0


def test_messages_that_were_not_taken_apart_are_counted_too() -> None:
    envelope = envelopes([MessageRun(1, PLAIN, Kind.DATAGRAM, [b"x", b"y"])])
    observations = Observations()
    observations.feed(seen_in(envelope, unparsed(envelope.raw), np.zeros(2, np.uint16)))
    (document,) = observations.documents()
    assert document["formats"] == {"unparsed": 2}
    assert document["framing"] == {"datagram": 2}


batches = st.builds(
    SeenBatch,
    st.lists(
        st.builds(
            Seen,
            st.sampled_from(KEYS),
            st.sampled_from(["grades", "formats"]),
            st.sampled_from("abc"),
            st.integers(1, 9),
        )
    ),
    st.lists(
        st.builds(
            Numbered,
            st.sampled_from(KEYS),
            st.sampled_from(["h", None]),
            st.lists(st.integers(1, 30), min_size=1),
        )
    ),
)


@given(st.lists(batches, max_size=6), st.integers(0, 6))
def test_a_snapshot_anywhere_changes_nothing(fed: list[SeenBatch], interrupted: int) -> None:
    straight, resumed = Observations(), Observations()
    for number, batch in enumerate(fed):
        if number == interrupted:
            resumed = Observations.restored(json.loads(json.dumps(resumed.snapshot())))
        straight.feed(batch)
        resumed.feed(batch)
    assert resumed.documents() == straight.documents()
    assert resumed.snapshot() == straight.snapshot()


@given(st.permutations([Seen(key, "grades", name, 2) for key in KEYS for name in "abc"]))
def test_counts_do_not_depend_on_the_order(shuffled: list[Seen]) -> None:
    observations = Observations()
    for one in shuffled:
        observations.feed(SeenBatch([one]))
    for document in observations.documents():
        assert document["grades"] == dict.fromkeys("abc", 2)


def test_only_news_is_told() -> None:
    observations = Observations()
    observations.feed(SeenBatch([Seen(KEYS[0], "grades", "raw", 1)]))
    observations.feed(SeenBatch([Seen(KEYS[1], "grades", "raw", 1)]))
    assert len(observations.documents()) == 2
    (news,) = observations.documents(1)
    assert news["certificate_sha256"] is None
    assert observations.documents(observations.fed) == []


def test_what_is_told_in_parts_is_known_whole() -> None:
    told = ToldObservations()
    first, second = ({"address": one, "certificate_sha256": None} for one in ("a", "b"))
    told.take({"whole": True, "sources": [first]})
    told.take({"whole": False, "sources": [second]})
    told.take({"whole": False, "sources": [{**first, "redelivered": 1}]})
    assert told.documents() == [{**first, "redelivered": 1}, second]
    told.take({"whole": True, "sources": []})
    assert told.documents() == []


def test_sources_and_names_are_bounded() -> None:
    observations = Observations()
    many = [Seen((f"10.{n >> 8}.{n & 255}", None), "grades", "raw", 1) for n in range(MOST_SOURCES)]
    names = [Seen(many[0].source, "formats", f"rule{n}", 1) for n in range(MOST_NAMES + 3)]
    observations.feed(SeenBatch([*many, *names, Seen(KEYS[0], "grades", "raw", 4)]))
    documents = {one["address"]: one for one in observations.documents()}
    assert len(documents) == MOST_SOURCES + 1
    assert documents[OTHER]["grades"] == {"raw": 4}
    assert documents[many[0].source[0]]["formats"][OTHER] == 3


def test_a_snapshot_of_another_release_is_begun_anew() -> None:
    assert Observations.restored({"version": 99}).documents() == []


def test_statistics_show_it_in_total_and_by_source() -> None:
    observations = Observations()
    observations.feed(
        SeenBatch(
            [Seen(KEYS[0], "grades", "raw", 1), Seen(KEYS[1], "grades", "raw", 2)],
            [Numbered(KEYS[1], "web", [1, 5])],
        )
    )
    sources = [{"address": address, "certificate_sha256": sha256} for address, sha256 in KEYS]
    sources.append({"address": "192.0.2.9", "certificate_sha256": None})
    shown = with_observations({"sources": sources}, observations.documents())
    assert shown["grades"] == {"raw": 3}
    assert (shown["sequence_gaps"], shown["sequence_missing"]) == (1, 3)
    certified, plain, unknown = shown["sources"]
    assert (certified["grades"], plain["grades"], unknown["grades"]) == ({"raw": 1}, {"raw": 2}, {})
    assert plain["sequence_missing"] == 3
    assert [one["host"] for one in plain["sequence_hosts"]] == ["web"]
    assert unknown["sequence_gaps"] == 0
