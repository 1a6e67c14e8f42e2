"""What people type becomes the condition they mean, and back; every fault says where."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sealwire.errors import UsageError
from sealwire.sensor.query import (
    And,
    Compared,
    Comparison,
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
)
from sealwire.sensor.query_rules import FLAGS, GRADES
from sealwire.sensor.query_words import condition_of, text_of
from sealwire.sensor.time_words import moment_us

if TYPE_CHECKING:
    from sealwire.sensor.query import Condition

LOGIN = HasWord("login")
WEB = Equals(Field.HOST, "web1")

MEANT: list[tuple[str, Condition | None]] = [
    ("", None),
    ("  \t\n ", None),
    ("login", LOGIN),
    ("Ünï", HasWord("Ünï")),
    ('"log in"', Contains(Field.MESSAGE, "log in", ignore_case=True)),
    (r'"a \"b\" \\c"', Contains(Field.MESSAGE, r'a "b" \c', ignore_case=True)),
    ("/user0[0-9]+/", Matches(Field.MESSAGE, "user0[0-9]+")),
    (r"/a\/b (c|d)/", Matches(Field.MESSAGE, "a/b (c|d)")),
    ("/usr/bin", And((HasWord("/usr/bin"), Contains(Field.MESSAGE, "/usr/bin", ignore_case=True)))),
    ("10.0.0.1", And((HasWord("10.0.0.1"), Contains(Field.MESSAGE, "10.0.0.1", ignore_case=True)))),
    ("a--b", And((HasWord("a--b"), Contains(Field.MESSAGE, "a--b", ignore_case=True)))),
    ("***", Contains(Field.MESSAGE, "**", ignore_case=True)),
    ("host=web1", WEB),
    ("host!=web1", Not(WEB)),
    ("host=web*", HasPrefix(Field.HOST, "web")),
    ("host=*", Matches(Field.HOST, "(?s).")),
    ("host!=*", Not(Matches(Field.HOST, "(?s)."))),
    ("audit.user=*", Matches(Named("audit.user"), "(?s).")),
    ("severity=*", Compared(Field.SEVERITY, Comparison.AT_LEAST, 0)),
    ('host="*"', Equals(Field.HOST, "*")),
    ('host="web*"', Equals(Field.HOST, "web*")),
    ('host="web "*', HasPrefix(Field.HOST, "web ")),
    ("host=/^web/", Matches(Field.HOST, "^web")),
    ("host~/^web/", Matches(Field.HOST, "^web")),
    ("host~^web", Matches(Field.HOST, "^web")),
    ("host:eb", Contains(Field.HOST, "eb", ignore_case=True)),
    ("host::eb", Contains(Field.HOST, "eb")),
    ("message:denied", Contains(Field.MESSAGE, "denied", ignore_case=True)),
    ("source=10.0.0.1", Equals(Field.SOURCE, "10.0.0.1")),
    ("source=10.0.0.0/8", InNetwork(ip_network("10.0.0.0/8"))),
    ("source=2001:db8::/32", InNetwork(ip_network("2001:db8::/32"))),
    ("source=2001:db8::1", Equals(Field.SOURCE, "2001:db8::1")),
    ("severity<=3", Compared(Field.SEVERITY, Comparison.AT_MOST, 3)),
    ("severity<=err", Compared(Field.SEVERITY, Comparison.AT_MOST, 3)),
    ("severity=warning", Equals(Field.SEVERITY, "4")),
    ("severity=informational", Equals(Field.SEVERITY, "6")),
    ("severity<critical", Compared(Field.SEVERITY, Comparison.LESS, 2)),
    ("facility=local7", Equals(Field.FACILITY, "23")),
    ("facility>authpriv", Compared(Field.FACILITY, Comparison.MORE, 10)),
    ("grade=near_miss", Equals(Field.GRADE, "near_miss")),
    ("grade=*", Or(tuple(Equals(Field.GRADE, name) for name in GRADES))),
    ("flag=truncated", Equals(Field.FLAG, "truncated")),
    ("flag!=no_time", Not(Equals(Field.FLAG, "no_time"))),
    ("flag!=*", Not(Or(tuple(Equals(Field.FLAG, name) for name in FLAGS)))),
    ("framing=octets", Equals(Field.FRAMING, "octets")),
    ("raw~^<13>", Matches(Field.RAW, "^<13>")),
    ("raw:sshd", Contains(Field.RAW, "sshd", ignore_case=True)),
    ("message::Failed", Contains(Field.MESSAGE, "Failed")),
    ("listener=6514", Equals(Field.LISTENER, "6514")),
    ("audit.user=admin", Equals(Named("audit.user"), "admin")),
    ("exampleSDID@32473.iut=3", Equals(Named("exampleSDID@32473.iut"), "3")),
    ('"an odd.name"=x', Equals(Named("an odd.name"), "x")),
    ("login host=web1", And((LOGIN, WEB))),
    ("login AND host=web1", And((LOGIN, WEB))),
    ("login OR host=web1", Or((LOGIN, WEB))),
    ("NOT login", Not(LOGIN)),
    ("-login", Not(LOGIN)),
    ("-(login OR host=web1)", Not(Or((LOGIN, WEB)))),
    ("- x", And((Contains(Field.MESSAGE, "-", ignore_case=True), HasWord("x")))),
    ("and or not", And((HasWord("and"), HasWord("or"), HasWord("not")))),
    ("a b OR c", Or((And((HasWord("a"), HasWord("b"))), HasWord("c")))),
    ("a (b OR c)", And((HasWord("a"), Or((HasWord("b"), HasWord("c")))))),
    ("((a))", HasWord("a")),
    ("word=AND", HasWord("AND")),
]


@pytest.mark.parametrize(("text", "condition"), MEANT, ids=[text for text, _ in MEANT])
def test_what_is_meant(text: str, condition: Condition | None) -> None:
    assert condition_of(text) == condition


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("user", "did you mean audit.user?"),
        ("SubjectID", "did you mean dogtag.SubjectID?"),
        ("subjectid", "did you mean dogtag.SubjectID?"),
        ("address", "did you mean audit.address or device.address or header.address?"),
        ("Host", "did you mean host?"),
        ("hostname", "did you mean host?"),
        ("sev", "did you mean severity or leef.sev?"),
        ("sevrity", "did you mean severity?"),
        ("cert", "did you mean certificate?"),
        ("colour", "there are source, certificate"),
        ("h", "there are source, certificate"),
    ],
)
def test_a_field_that_is_none_brings_those_to_mind_that_may_be_meant(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"there is no field {name}; {re.escape(said)}") as raised:
        condition_of(f"login {name}=x")
    assert raised.value.findings[0].subject == "character 7"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('login "never closed', "character 7"),
        (r'"bad \n escape"', "character 1"),
        ("a (b", "character 3"),
        ("a) b", "character 2"),
        ("()", "character 2"),
        ("a AND", "character 6"),
        ("OR a", "character 1"),
        ("NOT", "character 4"),
        ("a host=", "character 8"),
        ("colour=red", "character 1"),
        ("a host<3", "character 3"),
        ("severity=loud", "character 1"),
        ("severity<=loud", "character 1"),
        ("severity=8", "character 1"),
        ("severity=1*", "character 1"),
        ("grade=good", "character 1"),
        ("flag=odd", "character 1"),
        ("flag:trunc", "character 1"),
        ("framing=incomplete", "character 1"),
        ("source=10.0.0.1/8", "character 1"),
        ("listener=70000", "character 1"),
        ("(" * 60 + "a" + ")" * 60, "character 42"),
    ],
)
def test_where_the_fault_is(text: str, place: str) -> None:
    with pytest.raises(UsageError) as raised:
        condition_of(text)
    assert raised.value.code == "search.words"
    assert raised.value.findings[0].subject == place
    assert place in raised.value.message


def test_every_faulty_term_is_told() -> None:
    with pytest.raises(UsageError) as raised:
        condition_of("colour=red a OR severity=loud grade=good")
    places = [finding.subject for finding in raised.value.findings]
    assert places == ["character 1", "character 17", "character 31"]


def test_what_is_too_much_is_refused() -> None:
    for text in ("a " * 101, "x" * 10_001, "x" * 1_001, "-" * 5_000 + "a", "(" * 5_000):
        with pytest.raises(UsageError):
            condition_of(text)


some_text = st.text(max_size=12)
named = st.builds(Named, some_text.map("{}.x".format))
subjects = st.one_of(
    st.sampled_from([Field.HOST, Field.SOURCE, Field.MESSAGE, Field.APP, Field.SUBJECT, Field.RAW]),
    named,
)
numbers = st.sampled_from([Field.SEVERITY, Field.FACILITY, Field.LISTENER])
leaves = st.one_of(
    st.builds(Equals, subjects, some_text),
    st.builds(Equals, numbers, st.sampled_from("01234567")),
    st.builds(HasPrefix, subjects, some_text),
    st.builds(Contains, subjects, some_text, st.booleans()),
    st.builds(Matches, subjects, some_text),
    st.builds(HasWord, some_text),
    st.builds(Compared, numbers, st.sampled_from(Comparison), st.integers(0, 65_535)),
    st.builds(InNetwork, st.sampled_from(["10.0.0.0/8", "::/0", "::1/128"]).map(ip_network)),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(And, st.lists(inner, min_size=2, max_size=4).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=4).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=10,
)


@example(HasWord("\x85"))
@given(condition=conditions)
def test_there_and_back(condition: Condition) -> None:
    assert condition_of(text_of(condition)) == condition


@given(text=st.text(alphabet='ab ="()/*\\:~<>!-.ANDORT1', max_size=30))
def test_anything_typed_is_meant_or_refused(text: str) -> None:
    try:
        condition = condition_of(text)
    except UsageError as error:
        found = error.findings
    else:
        assert condition is None or condition_of(text_of(condition)) == condition
        return
    assert found


NOW = 1_795_342_830_000_000  # 2026-11-22T10:20:30Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("0s", NOW),
        ("15m", NOW - 900_000_000),
        ("-2h", NOW - 7_200_000_000),
        ("7d", NOW - 604_800_000_000),
        ("1w", NOW - 604_800_000_000),
        ("2026-11-22T10:20:30Z", NOW),
        ("2026-11-22t10:20:30z", NOW),
        ("2026-11-22T12:20:30+02:00", NOW),
        ("2026-11-22 10:20:30", NOW),
        ("2026-11-22T10:20:30.25Z", NOW + 250_000),
        ("2026-11-22T10:20", NOW - 30_000_000),
        ("2026-11-22", NOW - 37_230_000_000),
    ],
)
def test_points_in_time(text: str, expected: int) -> None:
    assert moment_us(text, NOW) == expected


@pytest.mark.parametrize(
    "text", ["", "5", "m", "1y", "yesterday", "2026-13-01", "2026-11-22T25:00", "\u0661m"]
)
def test_no_points_in_time(text: str) -> None:
    with pytest.raises(UsageError, match="no point in time"):
        moment_us(text, NOW)
