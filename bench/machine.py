"""What a measurement has to say about where it was made."""

from __future__ import annotations

import os
import platform
import re
import ssl
import subprocess
from pathlib import Path

from sealwire.clock import SystemClock
from tests.flow.peers import library_path, unpacked

ROOT = Path(__file__).resolve().parent.parent


def processor() -> str:
    """The processor's model name, as the kernel tells it."""
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return found.group(1).strip() if found else platform.machine()


def memory_gib() -> float:
    """Main memory in GiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def commit() -> str:
    """The commit measured, marked when the work tree differs in more than what is recorded here."""
    described = _git("describe", "--always", "--abbrev=12")
    changed = _git("status", "--porcelain", "--", ".", ":(exclude)bench/RESULTS.md")
    return (described or "unknown") + ("-dirty" if changed else "")


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def peer_version(peer: str, program: str) -> str:
    """First line of what ``program --version`` says."""
    option = "-v" if peer == "rsyslog" else "--version"
    environment = {**os.environ, "LD_LIBRARY_PATH": library_path(peer)}
    command = [str(unpacked(peer, f"usr/sbin/{program}")), option]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    found = re.search(r"\d+\.\d+[.\d]*", result.stdout)
    return f"{peer} {found.group() if found else 'of unknown version'}"


def description() -> list[str]:
    """Lines of Markdown: when, which commit, on what, against which versions."""
    when = SystemClock().now().strftime("%Y-%m-%d %H:%M UTC")
    versions = [peer_version("rsyslog", "rsyslogd"), peer_version("syslog-ng", "syslog-ng")]
    return [
        f"- {when}, commit {commit()}",
        f"- {os.cpu_count()} x {processor()}, {memory_gib():.0f} GiB, Linux {platform.release()}",
        f"- Python {platform.python_version()}, {ssl.OPENSSL_VERSION}, {', '.join(versions)}",
    ]
