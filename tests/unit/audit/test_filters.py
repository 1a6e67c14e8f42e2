import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.audit.filters import DEEPEST_FILTER, LONGEST_FILTER, read_filter
from sealwire.errors import RefusedError

EVENT = {"subjectid": "caadmin", "outcome": "Failure", "info": "a*b (c)", "reqid": "7", "empty": ""}


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("(Outcome=Failure)", True),
        ("(outcome=FAILURE)", True),
        ("(Outcome=Success)", False),
        ("(Outcome=Fail)", False),
        ("(Outcome=Fail*)", True),
        ("(Outcome=*ure)", True),
        ("(Outcome=*ilu*)", True),
        ("(Outcome=F*l*e)", True),
        ("(Outcome=*x*)", False),
        ("(Outcome=*)", True),
        ("(Missing=*)", False),
        ("(!(Missing=*))", True),
        ("(Empty=)", True),
        ("(Empty=*)", True),
        ("(ReqID=7)", True),
        ("(ReqID=.)", False),
        (r"(Info=a\2ab \28c\29)", True),
        (r"(Info=a\2a)", False),
        ("(&(Outcome=Failure)(SubjectID=caadmin))", True),
        ("(&(Outcome=Failure)(SubjectID=bob))", False),
        ("(|(Outcome=Success)(SubjectID=ca*))", True),
        ("(|(Outcome=Success)(SubjectID=bob))", False),
        ("(!(Outcome=Success))", True),
        ("(&(|(ReqID=6)(ReqID=7))(!(&(Outcome=Success)(ReqID=7))))", True),
    ],
)
def test_what_a_filter_lets_pass(text: str, passes: bool) -> None:
    assert read_filter(text).matches(EVENT) is passes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Outcome=Failure",
        "(Outcome=Failure",
        "(Outcome=Failure))",
        "(Outcome=Failure)(ReqID=7)",
        "(Outcome)",
        "(=x)",
        "(Out come=x)",
        "(Outcome>=x)",
        "(Outcome~=x)",
        "(&)",
        "(!)",
        "(|)",
        "(!(Outcome=x)(Outcome=y))",
        "((Outcome=x))",
        "(Outcome=a(b)",
        r"(Outcome=\2)",
        r"(Outcome=\zz)",
        " (Outcome=x)",
        "(" * 50,
        "(!" * (DEEPEST_FILTER + 1) + "(A=b)" + ")" * (DEEPEST_FILTER + 1),
        "(A=" + "b" * LONGEST_FILTER + ")",
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read_filter(text)
    assert refused.value.code == "audit.filter"


@given(st.text(alphabet="()&|!=*\\Ab2 ", max_size=40))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    try:
        found = read_filter(text)
    except RefusedError:
        return
    assert found.matches({"a": "b", "b": "2"}) in {True, False}


@given(st.text(max_size=20))
def test_a_value_written_with_escapes_matches_itself(value: str) -> None:
    spelled = "".join(f"\\{ord(c):02x}" if c in "()*\\" else c for c in value)
    assert read_filter(f"(A={spelled})").matches({"a": value})
