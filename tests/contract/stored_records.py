"""Records of all kinds for the index."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from sealwire.sensor.archive import RecordFlag, StoredRecord
from sealwire.syslog.message import Grade
from tests.contract.stored_tables import DAY_US, START_US

HOSTS: Final = (None, "web1", "web10", "web2.example.com", "Ünï", "a'b", "back\\slash")
ADDRESSES: Final = ("10.0.0.1", "10.0.1.1", "192.0.2.7", "2001:db8::1", "fe80::1%eth0", "::1")
WORDS: Final = (
    "login", "Login", "root", "user0568", "err", "ERR-17", "naïve", "\ttab", "x\ny", "\\N", "\\t",
    "a'b", "100%", "{p0:String}", "0", "\0nul",
)  # fmt: skip
NAMES: Final = ("audit.user", "audit.action", "we'ird\\name", "sd@32473.x")

texts: Final = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
some_fields: Final = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from((*WORDS, ""))), max_size=3
).map(tuple)


@st.composite
def records(draw: st.DrawFn) -> StoredRecord:
    """A record; ``seq`` is for ``numbered`` to set."""
    head = draw(st.sampled_from((b"", b"<13>1 - - - - - - ", b"<34>Oct 11 22:14:15 web1 su: ")))
    tail = draw(st.sampled_from((b"", b"\n", b"\xff\xfe", b"\xc3")))
    certificate = draw(st.sampled_from((None, "ab" * 32, "cd" * 32)))
    return StoredRecord(
        seq=0,
        received_ns=draw(st.integers(START_US, START_US + 3 * DAY_US - 1)) * 1000
        + draw(st.sampled_from((0, 1, 999))),
        listener_port=draw(st.sampled_from((514, 6514))),
        transport=draw(st.sampled_from(("tls", "relp", "udp"))),
        peer_address=draw(st.sampled_from(ADDRESSES)),
        peer_port=draw(st.integers(1, 65_535)),
        certificate_sha256=certificate,
        certificate_subject=certificate and "CN=a,O=Example",
        framing=draw(st.sampled_from(("octets", "lines", "relp"))),
        flags=draw(st.sampled_from((RecordFlag(0), RecordFlag.TRUNCATED, RecordFlag.REDELIVERED))),
        retention=draw(st.sampled_from(("default", "long'er"))),
        grade=draw(st.sampled_from([grade.name.lower() for grade in Grade])),
        rule=draw(st.sampled_from(("rfc5424", "rfc3164", "raw"))),
        facility=draw(st.sampled_from((None, 0, 4, 23))),
        severity=draw(st.sampled_from((None, 0, 3, 4, 7))),
        timestamp_us=draw(st.sampled_from((None, START_US, START_US - 5 * DAY_US))),
        host=draw(st.sampled_from(HOSTS)),
        app=draw(st.sampled_from((None, "sshd", "su"))),
        procid=draw(st.sampled_from((None, "1", "-17"))),
        msgid=draw(st.sampled_from((None, "AUDIT"))),
        fields=draw(some_fields),
        message_start=len(head),
        raw=head + draw(texts).encode() + tail,
    )
