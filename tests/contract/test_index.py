"""The index on a real engine says what a list of records says, whatever is asked and kept."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sealwire.clock import SystemClock
from sealwire.sensor.query import (
    And,
    Compared,
    Comparison,
    Condition,
    Contains,
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
from sealwire.stores.archive.engine import ChdbEngine
from sealwire.stores.archive.index import Index
from tests.contract.memory_index import MemoryIndex, numbered
from tests.contract.stored_records import (
    ADDRESSES,
    DAY_US,
    HOSTS,
    NAMES,
    START_US,
    WORDS,
    records,
    table_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.sensor.archive import StoredRecord

END_US: Final = START_US + 3 * DAY_US
FEW: Final = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],
)
MANY: Final = settings(FEW, max_examples=150)
TEXT_FIELDS: Final = (
    Field.SOURCE, Field.HOST, Field.APP, Field.PROCID, Field.MSGID, Field.RULE, Field.TRANSPORT,
    Field.RETENTION, Field.MESSAGE, Field.CERTIFICATE, Field.SUBJECT,
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


@pytest.fixture(scope="module")
def index(engine: ChdbEngine) -> Index:
    return Index(engine, "sensor-1", SystemClock())


def refilled(index: Index, *seals: list[StoredRecord]) -> tuple[Index, MemoryIndex]:
    """Both with these records and nothing else."""
    memory = MemoryIndex()
    named = {f"sensor-1:{number}": kept for number, kept in enumerate(seals)}
    named = {token: kept for token, kept in named.items() if kept}
    list(memory.rebuild(named.items()))
    list(index.rebuild((token, table_of(kept)) for token, kept in named.items()))
    assert index.indexed_upto() == memory.indexed_upto()
    return index, memory


@pytest.fixture(scope="module")
def kept() -> list[StoredRecord]:
    """Records of all kinds, in order."""
    drawn: list[StoredRecord] = []

    @settings(FEW, max_examples=1, derandomize=True)
    @given(st.lists(records(), min_size=60, max_size=60))
    def draw(some: list[StoredRecord]) -> None:
        drawn.extend(some)

    draw()
    return numbered(sorted(drawn, key=lambda at: at.received_ns))


@pytest.fixture
def filled(index: Index, kept: list[StoredRecord]) -> tuple[Index, MemoryIndex]:
    """Both with the same records in two seals."""
    return refilled(index, kept[:30], kept[30:])


def everything(condition: Condition | None = None) -> Search:
    return Search(START_US, END_US, condition, limit=1000, redelivered=True)


@MANY
@given(condition=conditions)
def test_every_condition(filled: tuple[Index, MemoryIndex], condition: Condition) -> None:
    index, memory = filled
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
