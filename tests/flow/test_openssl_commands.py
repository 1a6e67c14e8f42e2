"""The openssl commands that are shown make what we make."""

from __future__ import annotations

import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from sealwire.x509.csr import build_csr, read_csr
from sealwire.x509.keys import KeyType, generate_key, key_label, load_private_key
from sealwire.x509.subject import SubjectFields, subject_name
from sealwire.x509.wizard import openssl_commands

if TYPE_CHECKING:
    from pathlib import Path

FORMS = [
    (SubjectFields(common_name="gw.example.com"), []),
    (
        SubjectFields("us", "TX", "Austin", "Example, Inc.", "R&D/Ops", "GW.Example.com"),
        ["10.0.0.1", "b.example.com", "2001:db8::1"],
    ),
    (
        SubjectFields(
            "DE", "Bayern", "M\u00fcnchen", 'O\'Neil "+" $HOME \\ Co', "", "*.example.com"
        ),
        ["m\u00fcnchen.example.com"],
    ),
]


@pytest.mark.parametrize(("fields", "names"), FORMS)
@pytest.mark.parametrize("kind", [KeyType.RSA2048, KeyType.P256, KeyType.P384])
def test_the_commands_make_the_same_request(
    fields: SubjectFields, names: list[str], kind: KeyType, tmp_path: Path
) -> None:
    script = openssl_commands(fields, names, kind)
    done = subprocess.run(
        ["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (csr,), (key,) = list(tmp_path.glob("*.csr")), list(tmp_path.glob("*.key"))
    theirs = read_csr(csr.read_bytes())
    ours = read_csr(build_csr(generate_key(kind), subject_name(fields, host=True), names))
    assert theirs.name.rfc4514_string() == ours.name.rfc4514_string()
    assert theirs.names == ours.names
    assert theirs.key_label == ours.key_label
    assert key_label(load_private_key(key.read_bytes()).public_key()) == ours.key_label
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
