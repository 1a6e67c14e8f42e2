import base64
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from sealwire.audit.ports import TrailRecord
from sealwire.audit.signed_log import (
    LogFault,
    LogFile,
    LogPrivateKey,
    LogSigner,
    LogVerification,
    is_signature_line,
    log_key,
    place_of,
    record_line,
    second_of,
    sign_digest,
    signature_line,
    verify_log,
)
from sealwire.errors import RefusedError

TIME = datetime(2025, 11, 9, 4, 5, 6, 999_999, tzinfo=UTC)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
TEXT = "[AuditEvent=AUTH][SubjectID=caadmin][Outcome=Success][AuthMgr=x] authentication success"


def record(idx: int, text: str = TEXT) -> TrailRecord:
    return TrailRecord("ca", idx, TIME, "AUTH", "caadmin", "Success", text, b"", b"")


def a_log(blocks: Sequence[int], key: LogPrivateKey = EC_KEY) -> list[bytes]:
    """A signature at first, then a block of so many records each."""
    signer = LogSigner(lambda digest: sign_digest(key, digest), None)
    lines = signer.signed([], TIME)
    signer.written(lines[-1])
    idx = 0
    for size in blocks:
        block = signer.signed([record_line(record(idx + n)) for n in range(size)], TIME)
        signer.written(block[-1])
        lines += block
        idx += size
    return lines


def judged(
    *files: Sequence[bytes], key: LogPrivateKey = EC_KEY
) -> tuple[LogVerification, list[str]]:
    verdict = LogVerification()
    named = [LogFile(f"f{n}", lines) for n, lines in enumerate(files, start=1)]
    faults: list[LogFault] = list(verify_log(named, [log_key(key.public_key())], verdict))
    return verdict, [fault.message for fault in faults]


def test_a_line_is_dogtags() -> None:
    line = record_line(record(7))
    assert line == b"0.ca-7 - [09/Nov/2025:04:05:06 UTC] [14] [6] " + TEXT.encode()
    assert place_of(line) == ("ca", 7)
    assert second_of(line) == (2025, 11, 9, 4, 5, 6)


def test_a_signature_line_is_dogtags() -> None:
    line = signature_line(TIME, b"\x01\x02\x03")
    assert line == (
        b"0.signing - [09/Nov/2025:04:05:06 UTC] [14] [6] [AuditEvent=AUDIT_LOG_SIGNING]"
        b"[SubjectID=$System$][Outcome=Success] signature of audit buffer just flushed: sig: AQID"
    )
    assert is_signature_line(line)
    assert place_of(line) is None
    assert second_of(line) == (2025, 11, 9, 4, 5, 6)


def test_no_record_is_taken_for_a_signature() -> None:
    line = record_line(record(1, "[AuditEvent=AUTHZ][Op=AUDIT_LOG_SIGNING] x"))
    assert not is_signature_line(line)
    assert b"[Op=AUDIT%5FLOG_SIGNING]" in line


@pytest.mark.parametrize("line", [b"", b"x", b"0.ca - [", b"1.ca-1 - [", b"0.ca-1 - [09/Foo/2025:"])
def test_other_lines_have_no_place_or_time(line: bytes) -> None:
    assert second_of(line) is None
    if b"Foo" not in line:
        assert place_of(line) is None


@pytest.mark.parametrize("key", [EC_KEY, RSA_KEY])
def test_what_is_signed_is_from_signature_to_signature(key: LogPrivateKey) -> None:
    lines = a_log([2, 1], key)
    for begin, end in ((0, 3), (3, 5)):
        signed = b"".join(line + b"\n" for line in lines[begin:end])
        signature = base64.b64decode(lines[end].rpartition(b"sig: ")[2])
        if isinstance(key, rsa.RSAPrivateKey):
            key.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.public_key().verify(signature, signed, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("key", [EC_KEY, RSA_KEY])
@pytest.mark.parametrize("cut", range(8))
def test_a_whole_log_verifies_wherever_it_is_cut_into_files(key: LogPrivateKey, cut: int) -> None:
    lines = a_log([2, 1, 1], key)
    verdict, faults = judged(lines[:cut], lines[cut:], key=key)
    assert (verdict.good, verdict.bad, faults) == (3, 0, [])
    assert verdict.verified
    assert (verdict.covered, verdict.first, verdict.last) == (4, ("ca", 0), ("ca", 3))


LOG = a_log([2, 3, 1, 2])


@given(st.integers(0, sum(len(line) * 8 for line in LOG[:-1]) - 1))
def test_any_changed_bit_shows(position: int) -> None:
    lines = list(LOG)
    for number, line in enumerate(lines):
        if position < len(line) * 8:
            changed = bytearray(line)
            changed[position // 8] ^= 1 << position % 8
            lines[number] = bytes(changed)
            break
        position -= len(line) * 8
    verdict, faults = judged(lines)
    assert faults
    assert verdict.bad > 0
    assert not verdict.verified


@pytest.mark.parametrize("missing", range(1, len(LOG)))
def test_any_removed_line_shows(missing: int) -> None:
    verdict, faults = judged([*LOG[:missing], *LOG[missing + 1 :]])
    assert not verdict.verified
    assert faults


@pytest.mark.parametrize("number", range(1, len(LOG) - 1))
def test_swapped_lines_show(number: int) -> None:
    lines = list(LOG)
    lines[number], lines[number + 1] = lines[number + 1], lines[number]
    assert not judged(lines)[0].verified


def test_an_added_line_shows() -> None:
    for place in range(1, len(LOG) + 1):
        assert not judged([*LOG[:place], record_line(record(99)), *LOG[place:]])[0].verified


def test_an_unsigned_end_shows_and_whole_missing_blocks_show_in_the_last_record() -> None:
    verdict, faults = judged(LOG[:-1])
    assert faults == ["ERROR: log entries after f1:10 are UNSIGNED"]
    assert (verdict.good, verdict.bad) == (3, 1)
    verdict, faults = judged(LOG[:10])
    assert verdict.verified
    assert verdict.last == ("ca", 5)
    assert judged(LOG)[0].last == ("ca", 7)


def test_files_in_the_wrong_order_show() -> None:
    assert judged(LOG[:4], LOG[4:])[0].verified
    verdict, faults = judged(LOG[4:], LOG[:4])
    assert faults == [
        "ERROR: log entries before f1:4 are UNSIGNED",
        "Line 1: VERIFICATION FAILED: signature of f1:9 to f1:9",
    ]
    assert verdict.bad == 2


def test_what_another_program_wrote_before_the_first_signature_is_no_fault() -> None:
    foreign = b"0.main - [09/Nov/2025:04:05:06 UTC] [14] [6] [AuditEvent=X] x"
    assert judged([foreign, *LOG])[0].verified


def test_a_missing_file_shows() -> None:
    assert not judged(LOG[:4], LOG[8:])[0].verified


def test_words_are_auditverifys() -> None:
    lines = list(LOG)
    lines[2] = lines[2].replace(b"caadmin", b"cbadmin")
    assert judged(lines)[1] == ["Line 4: VERIFICATION FAILED: signature of f1:1 to f1:3"]
    lines = list(LOG)
    lines[3] = lines[3][:-30] + b"not base64, and no signature"
    faults = judged(lines)[1]
    assert faults[0] == "Line 4: INVALID SIGNATURE"
    assert faults[1] == "Line 8: VERIFICATION FAILED: signature of f1:4 to f1:7"


def test_another_key_verifies_nothing() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    verdict, _ = judged(LOG, key=other)
    assert (verdict.good, verdict.bad) == (0, 4)


@pytest.mark.parametrize("lines", [[], [LOG[0]], [record_line(record(0))]])
def test_without_a_signature_over_something_nothing_is_verified(lines: list[bytes]) -> None:
    assert not judged(lines)[0].verified


def test_logs_are_signed_with_rsa_or_elliptic_curves() -> None:
    with pytest.raises(RefusedError):
        log_key(ed25519.Ed25519PrivateKey.generate().public_key())
