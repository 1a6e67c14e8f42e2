"""What the HTTPS listener says of connections that end."""

from __future__ import annotations

import errno
import os
import ssl

import pytest

from sealwire.net.http import end_of


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)), "Connection reset"),
        (ssl.SSLError(1, "[SSL: BAD_RECORD] bad record (_ssl.c:2580)"), "tls failed"),
        (TimeoutError(), "TimeoutError"),
        (ValueError("too late"), "too late"),
    ],
)
def test_the_end_of_a_connection_is_told_in_words(fault: Exception, words: str) -> None:
    said = end_of(fault)
    assert said.lower().startswith(words.lower())
    assert "[" not in said
    assert "_ssl.c" not in said
