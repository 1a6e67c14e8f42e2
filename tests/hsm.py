"""A hardware security module in software: SoftHSM2, unpacked into ``.peers``, one token a test."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

PEER = Path(__file__).resolve().parents[1] / ".peers" / "softhsm2"
PIN = "24681357"
LABEL = "sealwire-test"


@dataclass(frozen=True)
class SoftToken:
    """A new token in a folder of its own; ``environment`` is what whoever uses it must have."""

    folder: Path

    @property
    def module(self) -> Path:
        """The PKCS#11 module."""
        return _unpacked("usr/lib/softhsm/libsofthsm2.so")

    @property
    def environment(self) -> dict[str, str]:
        """Where the module finds its token, and its tools their libraries."""
        libraries = _unpacked("usr/lib/*-linux-gnu")
        return {
            "SOFTHSM2_CONF": str(self.folder / "softhsm2.conf"),
            "LD_LIBRARY_PATH": str(libraries),
        }

    @property
    def pin_file(self) -> Path:
        """A file with the user's PIN."""
        return self.folder / "pin"

    def make(self) -> None:
        """Initialise it."""
        (self.folder / "tokens").mkdir(parents=True)
        self.pin_file.write_text(PIN + "\n")
        (self.folder / "softhsm2.conf").write_text(
            f"directories.tokendir = {self.folder / 'tokens'}\n"
            "objectstore.backend = file\nlog.level = ERROR\n"
        )
        util = ("usr/bin/softhsm2-util", "--module", str(self.module), "--init-token", "--free")
        self.run(*util, "--label", LABEL, "--pin", PIN, "--so-pin", "0000" + PIN)

    def objects(self) -> str:
        """What OpenSC's ``pkcs11-tool`` lists."""
        words = ("--module", str(self.module), "--login", "--pin", PIN, "--list-objects")
        return self.run("usr/bin/pkcs11-tool", *words)

    def run(self, program: str, *words: str) -> str:
        """One of the unpacked programs; its output."""
        done = subprocess.run(
            [_unpacked(program), *words],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
        return done.stdout


def _unpacked(pattern: str) -> Path:
    found = sorted(PEER.glob(pattern))
    assert found, f"SoftHSM2 is not unpacked ({PEER}): run 'make peers'"
    return found[0]
