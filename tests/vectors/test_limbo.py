"""x509-limbo: our two profiles beside the library's verifier alone, case by case."""

from __future__ import annotations

import json
import lzma
import time
import tomllib
import warnings
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.x509 import verification

from sealwire.errors import RefusedError
from sealwire.x509.bundle import read_bundle
from sealwire.x509.chain import DEFAULT_DEPTH, Purpose, build_chain
from sealwire.x509.der import UNDECODABLE
from sealwire.x509.webpki import RULES, Rule
from tests import pki

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
SLOWEST = 1.0


@dataclass(frozen=True)
class Case:
    name: str
    purpose: Purpose
    roots: tuple[bytes, ...]
    others: tuple[bytes, ...]
    leaf: bytes
    at: datetime
    host: str | None
    depth: int | None
    expected: bool


def _cases() -> dict[str, Case]:
    document = json.loads(lzma.decompress((HERE / "limbo.json.xz").read_bytes()))
    ders = [bytes.fromhex(text) for text in document["certificates"]]
    return {one["id"]: _case(one, ders) for one in document["testcases"]}


def _case(one: dict[str, Any], ders: list[bytes]) -> Case:
    when = one["validation_time"]
    return Case(
        one["id"],
        Purpose(one["validation_kind"].lower()),
        tuple(ders[number] for number in one["trusted_certs"]),
        tuple(ders[number] for number in one["untrusted_intermediates"]),
        ders[one["peer_certificate"]],
        datetime.fromisoformat(when) if when else pki.NOW,
        one["expected_peer_name"]["value"] if one["expected_peer_name"] else None,
        one["max_chain_depth"],
        one["expected_result"] == "SUCCESS",
    )


CASES = _cases()
DIFFERENCES = tomllib.loads((HERE / "limbo_differences.toml").read_text(encoding="utf-8"))


def listed(table: str) -> set[str]:
    return {case for entry in DIFFERENCES[table] for case in entry["cases"]}


def ours(case: Case, *, strict: bool) -> bool:
    """Whether we take it."""
    return not objections(case, strict=strict)


@cache
def objections(case: Case, *, strict: bool) -> str:
    """Why we do not take it; empty when we do."""
    roots = read_bundle([("root", der) for der in case.roots]).certificates
    bundle = read_bundle([("leaf", case.leaf), *(("other", der) for der in case.others)])
    if not roots or not bundle.certificates or bundle.origins[0] != "leaf":
        return "unreadable"
    try:
        build_chain(
            bundle.certificates,
            at=case.at,
            leaf=bundle.certificates[0],
            purpose=case.purpose,
            host=case.host if case.purpose is Purpose.SERVER else None,
            roots=roots,
            max_depth=DEFAULT_DEPTH if case.depth is None else case.depth,
            strict=strict,
        )
    except RefusedError as refused:
        return " ".join(finding.message for finding in refused.findings)
    return ""


def alone(case: Case) -> bool | None:
    """What the library's verifier says by itself; None when it cannot be asked without a name."""
    if case.purpose is Purpose.SERVER and case.host is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _verify_alone(case)
        except (verification.VerificationError, *UNDECODABLE):
            return False
    return True


def _verify_alone(case: Case) -> None:
    load = x509.load_der_x509_certificate
    builder = verification.PolicyBuilder().time(case.at)
    builder = builder.store(verification.Store([load(der) for der in case.roots]))
    if case.depth is not None:
        builder = builder.max_chain_depth(case.depth)
    leaf, others = load(case.leaf), [load(der) for der in case.others]
    if case.purpose is Purpose.CLIENT:
        builder.build_client_verifier().verify(leaf, others)
        return
    try:
        subject: verification.Subject = x509.IPAddress(ip_address(case.host or ""))
    except ValueError:
        subject = x509.DNSName(case.host or "")
    builder.build_server_verifier(subject).verify(leaf, others)


@pytest.fixture(scope="module")
def strict_verdicts() -> dict[str, bool]:
    return {name: ours(case, strict=True) for name, case in CASES.items()}


def test_the_suite_is_whole() -> None:
    assert len(CASES) == 207
    assert sum(case.expected for case in CASES.values()) == 63


def test_every_difference_has_a_reason_and_a_case() -> None:
    for entries in DIFFERENCES.values():
        for entry in entries:
            assert len(entry["reason"]) > 20
            assert set(entry["cases"]) <= set(CASES)


def test_strict_is_as_strict_and_as_able_as_the_verifier_alone(
    strict_verdicts: dict[str, bool],
) -> None:
    verdicts = {name: alone(case) for name, case in CASES.items()}
    laxer = {n for n, said in verdicts.items() if said is False and strict_verdicts[n]}
    assert laxer == set()
    stricter = {n for n, said in verdicts.items() if said and not strict_verdicts[n]}
    assert stricter == listed("stricter")
    less_able = {name for name in stricter if CASES[name].expected}
    assert less_able == set()


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_every_rule_of_our_own_has_its_case(rule: Rule) -> None:
    cases = (CASES[name] for name in listed("stricter"))
    assert any(rule.objection in objections(case, strict=True) for case in cases)


@pytest.mark.parametrize("profile", ["strict", "private"])
def test_the_profiles_differ_from_the_suite_only_where_listed(
    profile: str, strict_verdicts: dict[str, bool]
) -> None:
    if profile == "strict":
        verdicts = strict_verdicts
    else:
        verdicts = {name: ours(case, strict=False) for name, case in CASES.items()}
    differing = {name for name, said in verdicts.items() if said != CASES[name].expected}
    assert differing == listed(profile)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("patholog")])
def test_a_pathological_case_takes_no_second(name: str, timed: Callable[..., float]) -> None:
    assert min(asked_anew(timed, name) for _ in range(3)) < SLOWEST


def asked_anew(timed: Callable[..., float], name: str) -> float:
    objections.cache_clear()
    return timed(ours, CASES[name], strict=True)


@pytest.fixture
def timed() -> Callable[..., float]:
    def run(what: Callable[..., object], *words: object, **options: object) -> float:
        started = time.process_time()
        what(*words, **options)
        return time.process_time() - started

    return run
