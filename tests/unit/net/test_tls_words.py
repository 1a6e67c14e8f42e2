"""Why a handshake failed, in a stable word for each reason: counted and told apart by it."""

from __future__ import annotations

import ssl

import pytest

from sealwire.net.tls import failure_reason


def refused(code: int, text: str) -> ssl.SSLCertVerificationError:
    """As OpenSSL reports a sender's certificate."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, text
    return error


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (9, "client_certificate_not_yet_valid"),
        (10, "client_certificate_expired"),
        (18, "client_certificate_unknown_ca"),
        (19, "client_certificate_unknown_ca"),
        (20, "client_certificate_unknown_ca"),
        (21, "client_certificate_unknown_ca"),
        (26, "client_certificate_purpose"),
        (66, "client_certificate_weak"),
        (7, "client_certificate_refused"),
    ],
)
def test_what_is_wrong_with_a_certificate_has_its_own_word(code: int, word: str) -> None:
    reason, text = failure_reason(refused(code, "certificate signature failure"))
    assert reason == word
    assert text.startswith("the sender's certificate: ")
    assert ("certificate signature failure" in text) is (word == "client_certificate_refused")
