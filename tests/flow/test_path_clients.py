"""Cross-sign puzzles before OpenSSL and GnuTLS: the bag as it is, and the chain made of it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from sealwire.clock import SystemClock
from sealwire.x509.certificate import certificate_pem
from sealwire.x509.chain import build_chain
from tests import graphs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography import x509

NOW = SystemClock().now().replace(microsecond=0)
SOLVABLE = [puzzle for puzzle in graphs.puzzles(NOW) if puzzle.solvable]
# Each takes four programs: enough of them to see the gain.
SOME = SOLVABLE[::3]


def accepts(command: Sequence[str]) -> bool:
    program = shutil.which(command[0])
    assert program, f"{command[0]} is needed for this test: see tools/debian/test.list"
    done = subprocess.run([program, *command[1:]], capture_output=True, timeout=30, check=False)
    return done.returncode == 0


class Verifiers:
    """Both programs on files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._chain, self._root = folder / "chain.pem", folder / "root.pem"

    def __call__(
        self, root: x509.Certificate, served: Sequence[x509.Certificate]
    ) -> tuple[bool, bool]:
        """Whether OpenSSL and GnuTLS take what a server sends, leaf first."""
        self._root.write_bytes(certificate_pem(root))
        self._chain.write_bytes(b"".join(map(certificate_pem, served)))
        chain, trusted = str(self._chain), str(self._root)
        openssl = ["openssl", "verify", "-no-CApath", "-no-CAstore", "-CAfile", trusted]
        openssl += ["-purpose", "sslserver", "-untrusted", chain, chain]
        gnutls = ["certtool", "--verify", "--load-ca-certificate", trusted, "--infile", chain]
        return accepts(openssl), accepts(gnutls)


def test_what_we_make_is_taken_everywhere_and_the_bags_are_not(tmp_path: Path) -> None:
    verify = Verifiers(tmp_path)
    raw, ours = [0, 0], [0, 0]
    refused = []
    for puzzle in SOME:
        chain = build_chain(puzzle.bag, at=NOW, roots=[puzzle.root], host=graphs.HOST)
        for number, taken in enumerate(verify(puzzle.root, puzzle.bag)):
            raw[number] += taken
        for number, taken in enumerate(verify(puzzle.root, chain.ordered())):
            ours[number] += taken
            if not taken:
                refused.append((("openssl", "certtool")[number], puzzle.name))
    assert refused == []
    assert ours == [len(SOME)] * 2
    # The gain: on the same bags, both programs alone get lost in a good part of them.
    assert max(raw) < len(SOME) * 0.9, raw


@pytest.mark.parametrize("program", ["openssl", "certtool"])
def test_the_programs_are_there(program: str) -> None:
    assert shutil.which(program), f"{program} is missing: see tools/debian/test.list"
