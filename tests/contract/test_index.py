"""The index on a real engine says what a list of records says, whatever is asked and kept."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sealwire.clock import SystemClock
from sealwire.errors import ConflictError, NotFoundError, RefusedError, UnavailableError
from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.query import (
    And,
    Compared,
    Comparison,
    Condition,
    Contains,
    Cursor,
    Equals,
    Field,
    HasPrefix,
    HasWord,
    InNetwork,
    Matches,
    Named,
    Not,
    Or,
    Search,
)
from sealwire.stores.archive.engine import ChdbEngine, EngineError
from sealwire.stores.archive.index import Index
from tests.contract.memory_index import MemoryIndex, numbered
from tests.contract.seals import ROWS, SEALS, record, seal
from tests.contract.stored_records import (
    ADDRESSES,
    HOSTS,
    NAMES,
    WORDS,
    records,
)
from tests.contract.stored_tables import DAY_US, START_US, said, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sealwire.sensor.archive import StoredRecord

END_US: Final = START_US + 3 * DAY_US
FIRST_INSERTS: Final = 2
"""Of the first seal: what is missing is put in, and the seal is entered."""
FEW: Final = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],
)
MANY: Final = settings(FEW, max_examples=80)
TEXT_FIELDS: Final = (
    Field.SOURCE, Field.HOST, Field.APP, Field.PROCID, Field.MSGID, Field.RULE, Field.TRANSPORT,
    Field.RETENTION, Field.MESSAGE, Field.CERTIFICATE, Field.SUBJECT, Field.RAW,
)  # fmt: skip
NASTY: Final = (
    "' OR 1 = 1 --",
    "\\' OR 1 = 1 --", "'); DROP TABLE log; --", "{p0:String}", "\\", "\\\\", "\\N",
    "\t", "\n", "\r", "\0", "\0'", "`", "$$", "%", "_", "/* */", "é", "😀", "(SELECT 1)", "NULL",
    "",
)  # fmt: skip
PATTERNS: Final = ("^web", "o+t", "l.*n$", "[0-9]{2}", "x.y", "a|b", "(?i)LOGIN", "^$")

subjects: Final = st.sampled_from((*TEXT_FIELDS, *map(Named, NAMES), Named("none")))
values: Final = st.sampled_from(
    (*WORDS, *(host for host in HOSTS if host), *ADDRESSES, *NASTY, "su", "AUDIT", "default")
)
leaves: Final = st.one_of(
    st.builds(Equals, subjects, values),
    st.builds(HasPrefix, subjects, values.map(lambda text: text[:3])),
    st.builds(Contains, subjects, values, st.booleans()),
    st.builds(HasWord, values),
    st.builds(Matches, subjects, st.sampled_from(PATTERNS)),
    st.builds(Equals, st.just(Field.SEVERITY), st.sampled_from(("0", "3", "7", "1"))),
    st.builds(Equals, st.just(Field.FACILITY), st.sampled_from(("0", "23"))),
    st.builds(Equals, st.just(Field.GRADE), st.sampled_from(("strict", "raw"))),
    st.builds(Equals, st.just(Field.FRAMING), st.sampled_from(("octets", "relp", "nuls"))),
    st.builds(
        Equals, st.just(Field.FLAG), st.sampled_from(("truncated", "redelivered", "no_time"))
    ),
    st.builds(
        Compared,
        st.sampled_from((Field.SEVERITY, Field.FACILITY, Field.LISTENER)),
        st.sampled_from(Comparison),
        st.sampled_from((0, 3, 7, 514)),
    ),
    st.builds(
        InNetwork,
        st.sampled_from(("10.0.0.0/16", "10.0.0.1/32", "0.0.0.0/0", "2001:db8::/32", "::/0")).map(
            ip_network
        ),
    ),
)
conditions: Final[st.SearchStrategy[Condition]] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    engine = ChdbEngine(tmp_path_factory.mktemp("index") / "chdb")
    yield engine
    engine.close()


@pytest.fixture
def index(engine: ChdbEngine) -> Index:
    return Index(engine, "sensor-1", SystemClock(), said)


HELD: Final[dict[str, MemoryIndex]] = {}
"""What the engine holds, by the fixture's name: tests that only ask need not fill it anew."""


def refilled(index: Index, *seals: list[StoredRecord]) -> tuple[Index, MemoryIndex]:
    """Both with these records and nothing else."""
    HELD.clear()
    memory = MemoryIndex()
    named = {f"sensor-1:{number}": kept for number, kept in enumerate(seals)}
    named = {token: kept for token, kept in named.items() if kept}
    list(memory.rebuild(named.items()))
    list(index.rebuild((token, table_of(kept)) for token, kept in named.items()))
    assert index.indexed_upto() == memory.indexed_upto()
    return index, memory


@pytest.fixture(scope="module")
def drawn() -> list[StoredRecord]:
    """Records of all kinds."""
    drawn: list[StoredRecord] = []

    @settings(FEW, max_examples=1, derandomize=True)
    @given(st.lists(records(), min_size=60, max_size=60))
    def draw(some: list[StoredRecord]) -> None:
        drawn.extend(some)

    draw()
    return drawn


@pytest.fixture(scope="module")
def spread(drawn: list[StoredRecord]) -> list[StoredRecord]:
    # Two at a time, ever further from the end of the third day, a few seconds at first.
    places = [min(4000 * 1.9**place, 3 * DAY_US - 1) for place in range(30)]
    return at_moments(drawn, [END_US - int(at) for at in reversed(places) for _ in range(2)])


def at_moments(drawn: list[StoredRecord], moments: list[int]) -> list[StoredRecord]:
    pairs = zip(drawn, moments, strict=True)
    return numbered([replace(at, received_ns=moment * 1000 + 7) for at, moment in pairs])


def filled_once(name: str, index: Index, kept: list[StoredRecord]) -> tuple[Index, MemoryIndex]:
    """Both with the same records in two seals."""
    if name not in HELD:
        memory = refilled(index, kept[:30], kept[30:])[1]
        HELD[name] = memory
    return index, HELD[name]


@pytest.fixture
def filled(engine: ChdbEngine, spread: list[StoredRecord]) -> tuple[Index, MemoryIndex]:
    """Records of three days; to look through them all takes many steps."""
    index = Index(engine, "sensor-1", SystemClock(), said, at_once=0)
    return filled_once("filled", index, spread)


@pytest.fixture
def near(index: Index, drawn: list[StoredRecord]) -> tuple[Index, MemoryIndex]:
    """Records of four minutes around a midnight, for what is asked and not how far back."""
    moments = [END_US - DAY_US + (place // 2 - 15) * 8_000_000 for place in range(60)]
    return filled_once("near", index, at_moments(drawn, moments))


def everything(condition: Condition | None = None) -> Search:
    return Search(START_US, END_US, condition, limit=1000, redelivered=True)


@MANY
@given(condition=conditions)
def test_every_condition(near: tuple[Index, MemoryIndex], condition: Condition) -> None:
    index, memory = near
    assert index.search(everything(condition)) == memory.search(everything(condition))
    assert index.count(everything(condition)) == memory.count(everything(condition))


@FEW
@given(drawn=st.lists(records(), max_size=12), condition=conditions)
def test_every_kind_of_record(
    index: Index, drawn: list[StoredRecord], condition: Condition
) -> None:
    kept = numbered(sorted(drawn, key=lambda at: at.received_ns))
    index, memory = refilled(index, kept[:5], kept[5:])
    for search in (everything(), replace(everything(condition), redelivered=False)):
        assert index.search(search) == memory.search(search)
        assert index.count(search) == memory.count(search)
        assert list(index.chart(search, 60)) == memory.chart(search, 60)
    for at in kept:
        assert index.record(at.seq) == at


# --- paging ---------------------------------------------------------------------------------------


def paged(index: Index, search: Search) -> list[StoredRecord]:
    """Page by page to the end; each page that is not the last one is full."""
    seen: list[StoredRecord] = []
    while True:
        page = index.search(search)
        seen += page.records
        if page.next is None:
            return seen
        assert len(page.records) == search.limit
        search = replace(search, after=page.next)


@FEW
@given(limit=st.integers(1, 70), oldest_first=st.booleans(), condition=st.none() | conditions)
def test_pages_are_complete_and_without_doubles(
    filled: tuple[Index, MemoryIndex],
    limit: int,
    condition: Condition | None,
    *,
    oldest_first: bool,
) -> None:
    index, memory = filled
    whole = replace(everything(condition), oldest_first=oldest_first)
    assert tuple(paged(index, replace(whole, limit=limit))) == memory.search(whole).records


def test_a_chart_of_too_many_bars(filled: tuple[Index, MemoryIndex]) -> None:
    with pytest.raises(RefusedError) as raised:
        filled[0].chart(everything(), 1)
    assert raised.value.code == "search.step"


def test_records_of_one_moment_are_paged_by_number(index: Index) -> None:
    same = [replace(record(seq), received_ns=START_US * 1000 + seq % 3) for seq in range(1, 30)]
    index, _ = refilled(index, same)
    seen = [at.seq for at in paged(index, replace(everything(), limit=4))]
    assert seen == list(range(29, 0, -1))


@pytest.mark.parametrize("year_us", [START_US, 4_733_510_400_000_000], ids=["2026", "2120"])
def test_records_are_found_whatever_a_clock_said(index: Index, year_us: int) -> None:
    """The engine counts hours up to 2106; a clock may have been set to any year."""
    moments = [START_US, START_US + 1, year_us + DAY_US, year_us + DAY_US + 7_200_000_000]
    kept = [
        replace(record(seq), received_ns=moment * 1000, flags=RecordFlag(0))
        for seq, moment in enumerate(moments, 1)
    ]
    index, memory = refilled(index, kept)
    for since_us, until_us in ((START_US, moments[-1] + 1), (moments[1], moments[2] + 1)):
        for condition in (None, HasWord("logged")):
            search = Search(since_us, until_us, condition)
            assert index.search(search) == memory.search(search)
            assert index.count(search) == memory.count(search)


def test_a_page_of_more_than_one_statement_brings(index: Index) -> None:
    index, memory = refilled(index, [record(seq) for seq in range(1, 1_501)])
    seen = paged(index, replace(everything(), limit=1_000))
    assert seen[:1_000] == list(memory.search(everything()).records)
    assert [at.seq for at in seen] == [
        at.seq for at in sorted(seen, key=lambda at: (at.received_ns, at.seq), reverse=True)
    ]
    assert len(seen) == 1_500


def test_a_page_of_large_records_ends_early(index: Index) -> None:
    large = [replace(record(seq), raw=b"x" * (4 << 20)) for seq in range(1, 7)]
    index, _ = refilled(index, *([at] for at in large))
    page = index.search(replace(everything(), limit=6))
    assert page.records
    rest = index.search(replace(everything(), limit=6, after=page.next)) if page.next else None
    seen = (*page.records, *(rest.records if rest else ()))
    assert sorted(at.seq for at in seen) == [1, 2, 3, 4, 5, 6]


# --- exactly once ---------------------------------------------------------------------------------


def counted(index: Index) -> tuple[int, int, int]:
    """Records by the log, by the minutes, and of each kind that is stored."""
    by_log = index.count(replace(everything(HasWord("logged")), redelivered=False))
    by_minutes = index.count(replace(everything(), redelivered=False))
    return by_log, by_minutes, index.count(everything(HasWord("logged")))


def test_a_seal_is_taken_once(index: Index, engine: ChdbEngine) -> None:
    refilled(index)
    for _ in range(3):
        index.insert(*seal(0))
    index.insert(*seal(1))
    again = Index(engine, "sensor-1", SystemClock(), said)
    for number in (1, 0, 1):
        again.insert(*seal(number))
    assert again.indexed_upto() == 2 * ROWS
    assert counted(again) == (540, 540, 600)


def test_a_seal_half_taken_is_taken_whole_by_trying_again(engine: ChdbEngine) -> None:
    for steps in range(3):
        index = Index(engine, "sensor-1", SystemClock(), said)
        refilled(index)
        faulty = Index(FaultyEngine(engine, FIRST_INSERTS + steps), "sensor-1", SystemClock(), said)
        faulty.insert(*seal(0))
        with pytest.raises(UnavailableError):
            faulty.insert(*seal(1))
        index = Index(engine, "sensor-1", SystemClock(), said)
        assert index.indexed_upto() == ROWS
        index.insert(*seal(1))
        assert counted(index) == (540, 540, 600)


class FaultyEngine:
    """Fails at an insert; what came before it is done."""

    def __init__(self, engine: ChdbEngine, good: int) -> None:
        self._engine = engine
        self._good = good
        self.dialect = engine.dialect
        self.execute = engine.execute
        self.close = engine.close

    def insert(self, table: str, rows: pa.Table, token: str | None) -> None:
        if self._good == 0:
            raise EngineError(243, "Code: 243. DB::Exception: no room")
        self._good -= 1
        self._engine.insert(table, rows, token)


class InterruptedEngine(FaultyEngine):
    """Dies in an insert into ``table``: it has some of the rows, and knows the token all the same.

    Of each partition there is a bit, so that the engine takes no more of any under that token.
    """

    def __init__(self, engine: ChdbEngine, table: str, good: int) -> None:
        super().__init__(engine, good)
        self._table = table

    def insert(self, table: str, rows: pa.Table, token: str | None) -> None:
        if table != self._table:
            self._engine.insert(table, rows, token)
            return
        if self._good == 0:
            whole = pc.equal(rows["retention"], "default")
            some = pc.or_(whole, pa.array(np.arange(len(rows)) < len(rows) // 2))
            self._engine.insert(table, rows.filter(some), token)
        super().insert(table, rows, token)


@pytest.mark.parametrize(("table", "good"), [("log", 2), ("minutes", 1)])
def test_what_an_interruption_left_is_made_whole(
    index: Index, engine: ChdbEngine, table: str, good: int
) -> None:
    refilled(index)
    dying = Index(InterruptedEngine(engine, table, good), "sensor-1", SystemClock(), said)
    dying.insert(*seal(0))
    dying.insert(*seal(1))
    with pytest.raises(UnavailableError):
        dying.insert(*seal(2))
    again = Index(engine, "sensor-1", SystemClock(), said)
    for number in range(4):
        again.insert(*seal(number))
    assert again.indexed_upto() == 4 * ROWS
    logged = replace(everything(), condition=HasWord("logged"))
    assert again.count(logged) == 4 * ROWS
    in_minutes = engine.execute("SELECT sum(records) AS records FROM minutes")["records"]
    assert in_minutes[0].as_py() == 4 * ROWS


def test_other_records_of_the_same_numbers_are_refused(index: Index) -> None:
    refilled(index)
    index.insert(*seal(0))
    with pytest.raises(ConflictError) as raised:
        index.insert("sensor-1:0:bb:1", seal(0)[1])
    assert raised.value.code == "index.overlap"
    assert index.count(everything()) == ROWS


@pytest.mark.soak
def test_killed_while_it_is_fed(tmp_path: Path, soak_rounds: int) -> None:
    """What was taken is there, and feeding again makes it whole: nothing is in twice."""
    taken = 0
    for number in range(soak_rounds):
        with filling(tmp_path / "index", SEALS * soak_rounds) as feeding:
            assert feeding.stdout is not None
            found = int(feeding.stdout.readline())
            assert taken <= found <= taken + ROWS
            feeding.stdout.readline()
            time.sleep(number % 7 * 0.02)
            feeding.kill()
            said = [int(line) for line in feeding.stdout.readlines() if line.endswith("\n")]
            taken = max(said, default=found + ROWS)
    with filling(tmp_path / "index", taken // ROWS + 2) as feeding:
        lines = feeding.communicate(timeout=60)[0].split("\n")
    total = taken + 2 * ROWS
    expected = [total * 9 // 10, total * 9 // 10, total, total]
    assert list(map(int, lines[-2].split())) == expected


def filling(folder: Path, seals: int) -> subprocess.Popen[str]:
    """Says up to where there are records, after each seal again, and counts at the end."""
    command = [sys.executable, "-m", "tests.contract.filling_index", folder, str(seals)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


# --- thinned, built again -------------------------------------------------------------------------


@pytest.mark.parametrize("retention", ["default", "long'er"])
def test_days_are_dropped(filled: tuple[Index, MemoryIndex], retention: str) -> None:
    index, memory = filled
    HELD.clear()
    for gone in (index, memory):
        gone.drop(retention, date(2026, 11, 21))
        gone.drop("nobody's", date(2026, 11, 20))
    assert index.search(everything()) == memory.search(everything())
    assert list(index.chart(everything(), 60)) == memory.chart(everything(), 60)


def test_building_again_goes_on_where_it_was_interrupted(index: Index, engine: ChdbEngine) -> None:
    refilled(index)
    index.insert("sensor-1:old", seal(5)[1])
    upto = index.rebuild(seal(number) for number in range(3))
    assert next(upto) == ROWS
    upto.close()
    index = Index(engine, "sensor-1", SystemClock(), said)
    assert index.needs_rebuild
    assert list(index.rebuild(seal(number) for number in range(3))) == [ROWS, 2 * ROWS, 3 * ROWS]
    assert not index.needs_rebuild
    assert not Index(engine, "sensor-1", SystemClock(), said).needs_rebuild
    assert counted(index) == (810, 810, 900)
    assert index.size_bytes() > 0


def test_an_index_of_another_version_is_built_again(engine: ChdbEngine) -> None:
    """Whatever its tables look like; what was in them comes from the segments."""
    index = Index(engine, "sensor-1", SystemClock(), said)
    refilled(index)
    index.insert(*seal(0))
    engine.execute("DROP TABLE log")
    engine.execute("CREATE TABLE log (seq UInt64) ENGINE = MergeTree ORDER BY seq")
    older = [{"sensor": "sensor-1", "name": "schema", "value": 1, "version": 1_000}]
    engine.insert("marks", pa.Table.from_pylist(older), "older")
    index = Index(engine, "sensor-1", SystemClock(), said)
    assert index.needs_rebuild
    assert list(index.rebuild(seal(number) for number in range(2))) == [ROWS, 2 * ROWS]
    assert counted(index) == (540, 540, 600)
    assert not Index(engine, "sensor-1", SystemClock(), said).needs_rebuild


# --- hostile questions ----------------------------------------------------------------------------


def test_no_value_is_read_as_anything_else(near: tuple[Index, MemoryIndex]) -> None:
    index, memory = near
    before = index.count(everything())
    for text in NASTY:
        for condition in (
            Equals(Field.HOST, text),
            HasPrefix(Field.APP, text),
            Contains(Field.MESSAGE, text),
            HasWord(text),
            Equals(Named(text or "x"), text),
            Contains(Named("audit.user"), text),
        ):
            assert index.search(everything(condition)) == memory.search(everything(condition))
    assert index.count(everything()) == before


def test_a_pattern_that_is_none(near: tuple[Index, MemoryIndex]) -> None:
    for pattern in ("(", "a{1001}", "(?=x)", r"\1", "[z-a]", "*", "(?P<n"):
        ask = near[0].search
        with pytest.raises(RefusedError) as raised:
            ask(everything(Matches(Field.MESSAGE, pattern)))
        assert raised.value.code == "search.pattern"
        assert "DB::Exception" not in raised.value.message


def test_patterns_made_to_be_slow(index: Index) -> None:
    evil = [replace(record(seq), raw=b"a" * 8192 + b"!") for seq in range(1, 60)]
    index, _ = refilled(index, evil)
    for pattern in ("(a+)+$", "(a|aa)+$", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$"):
        started = time.perf_counter()
        found = index.search(everything(Matches(Field.MESSAGE, pattern)))
        assert len(found.records) in {0, 59}
        assert time.perf_counter() - started < 6


def test_too_much_is_refused(near: tuple[Index, MemoryIndex]) -> None:
    index, _ = near
    for search in (
        Search(END_US, START_US),
        replace(everything(), limit=0),
        replace(everything(), limit=10_001),
        everything(And(tuple(HasWord("x") for _ in range(101)))),
        everything(Equals(Field.HOST, "x" * 1001)),
        everything(Equals(Field.HOST, "\ud800")),
        everything(Equals(Field.SEVERITY, "3 OR 1")),
        everything(HasPrefix(Field.SEVERITY, "3")),
        everything(Compared(Field.HOST, Comparison.LESS, 3)),
        everything(Compared(Field.SEVERITY, Comparison.LESS, 1 << 70)),
        replace(everything(), after=Cursor(-1, 0)),
        replace(everything(), after=Cursor(0, 1 << 64)),
    ):
        with pytest.raises(RefusedError) as raised:
            index.search(search)
        assert raised.value.code == "search.invalid"


@pytest.mark.usefixtures("filled")
def test_time_that_is_up_is_told(engine: ChdbEngine) -> None:
    index = Index(engine, "sensor-1", RunningClock(), said)
    for ask in (index.search, index.count):
        with pytest.raises(RefusedError) as raised:
            ask(everything(HasWord("nowhere")))
        assert raised.value.code == "search.too_expensive"


class RunningClock(SystemClock):
    """Four seconds go by whenever it is looked at."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        self._now += 4.99
        return self._now


def test_a_record_that_is_not_there(near: tuple[Index, MemoryIndex]) -> None:
    for index in near:
        with pytest.raises(NotFoundError):
            index.record(10**9)


def test_times_far_away(filled: tuple[Index, MemoryIndex]) -> None:
    index, memory = filled
    far = Search(-(10**18), 10**18, limit=1000, redelivered=True)
    assert index.search(far) == memory.search(far)
    assert index.count(far) == memory.count(far)
    later = Search(10**17, 10**18)
    assert index.search(later).records == ()
    assert index.chart(later, 60) == []


def test_one_folder_for_one_process(engine: ChdbEngine, tmp_path: Path) -> None:
    with pytest.raises(ConflictError) as raised:
        ChdbEngine(tmp_path / "other")
    assert raised.value.code == "index.in_use"
