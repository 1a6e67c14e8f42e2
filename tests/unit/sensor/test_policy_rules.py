"""What the policy says of a record, and that it arrives as it was."""

from __future__ import annotations

import json
from datetime import date
from ipaddress import ip_network

import pytest

from sealwire.sensor.journal import Connection
from sealwire.sensor.judgement import PolicyJudge, Verdict, fits
from sealwire.sensor.policy import (
    ArchivePolicy,
    ClassRule,
    HostClaim,
    LegalHold,
    RetentionClass,
    SourcePattern,
)
from sealwire.sensor.policy_documents import policy_document, policy_from

PRINT = "ab" * 32
SENDER = Connection(1, "192.0.2.7", 40_000, 6514, "TLSv1.3", "x", PRINT, "CN=a")
MAPPED = Connection(2, "::ffff:192.0.2.7", 40_000, 6514, "TLSv1.3", "x")
SIX = Connection(3, "2001:db8::7", 40_000, 6514, "TLSv1.3", "x")
NETWORK = ip_network("192.0.2.0/24")
POLICY = ArchivePolicy(
    classes=(RetentionClass("default", 30), RetentionClass("long", None)),
    rules=(
        ClassRule(SourcePattern(host="*.ca.example.com"), "long"),
        ClassRule(SourcePattern(network=NETWORK), "short"),
    ),
    claims=(
        HostClaim(SourcePattern(certificate_sha256=PRINT), ("a.example.com",)),
        HostClaim(SourcePattern(network=NETWORK), ("*.b.example.com",)),
    ),
    holds=(LegalHold("case 7", date(2026, 1, 1), date(2026, 1, 31), "long"),),
    budget_bytes=10**12,
)


@pytest.mark.parametrize(
    ("pattern", "source", "host", "expected"),
    [
        (SourcePattern(), SIX, None, True),
        (SourcePattern(network=NETWORK), SENDER, None, True),
        (SourcePattern(network=NETWORK), MAPPED, None, True),
        (SourcePattern(network=NETWORK), SIX, None, False),
        (SourcePattern(network=NETWORK), Connection(1, "unknown", 0, 0, "", ""), None, False),
        (SourcePattern(certificate_sha256=PRINT), SENDER, None, True),
        (SourcePattern(certificate_sha256=PRINT), SIX, None, False),
        (SourcePattern(host="A.example.com"), SIX, "a.EXAMPLE.com", True),
        (SourcePattern(host="*.example.com"), SIX, "x.y.example.com", True),
        (SourcePattern(host="*.example.com"), SIX, "example.com", False),
        (SourcePattern(host="*.example.com"), SIX, ".example.com", False),
        (SourcePattern(host="a.example.com"), SIX, None, False),
        (SourcePattern(network=NETWORK, host="b"), SENDER, "a", False),
    ],
)
def test_patterns(
    pattern: SourcePattern, source: Connection, host: str | None, expected: bool
) -> None:
    assert fits(pattern, source, host) is expected


@pytest.mark.parametrize(
    ("source", "host", "verdict"),
    [
        (SENDER, "x.ca.example.com", Verdict("long", host_allowed=False)),
        (SENDER, "a.example.com", Verdict("short", host_allowed=True)),
        (SENDER, "c.b.example.com", Verdict("short", host_allowed=True)),
        (SENDER, None, Verdict("short", host_allowed=True)),
        (SIX, "anything", Verdict("default", host_allowed=True)),
    ],
)
def test_verdicts(source: Connection, host: str | None, verdict: Verdict) -> None:
    judge = PolicyJudge(POLICY)
    assert judge.verdict(source, host) == judge.verdict(source, host) == verdict


def test_without_rules_all_is_the_same() -> None:
    assert PolicyJudge(ArchivePolicy()).indifferent
    assert not PolicyJudge(POLICY).indifferent


def test_the_policy_as_a_document() -> None:
    assert policy_from(json.loads(json.dumps(policy_document(POLICY)))) == POLICY
    assert policy_from(policy_document(ArchivePolicy())) == ArchivePolicy()
