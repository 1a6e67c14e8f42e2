"""The first of a node: its home's lock, its syslog ports and its workers, before all that is heavy.

What runs in main takes a second to load. Meanwhile the receivers' processes load on other cores,
and senders that come wait in the queue of a port that is open.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

import structlog

from sealwire.bootstrap.home import Home, HomeLock
from sealwire.bootstrap.receivers import receiver_pool
from sealwire.clock import SystemClock
from sealwire.errors import UnavailableError

if TYPE_CHECKING:
    from sealwire.config.node import NodeConfig
    from sealwire.net.workers import ReceiverPool

_MOST_FILES: Final = 1_048_576
_ORPHANS_SECONDS: Final = 10.0
_RETRY_BIND: Final = 0.05


def run_node(config: NodeConfig) -> int:
    """Run until SIGTERM or SIGINT. Raises UnavailableError when something cannot be opened."""
    # Nearly all that is made until READY stays for good: looking for garbage in it, again and
    # again while it grows, is a third of the start. `bootstrap.node` turns it on.
    gc.disable()
    _raise_file_limit()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    home = Home(config.home)
    home.create()
    lock = HomeLock(home)
    lock.acquire()
    with ExitStack() as stack:
        stack.callback(lock.release)
        pool = None
        if "sensor" in config.roles:
            pool = receiver_pool(config, home.journal, SystemClock())
            stack.callback(pool.stop)
            _bind(pool, _ORPHANS_SECONDS if lock.left_behind else 0.0)
            pool.warm()
        from sealwire.bootstrap.node import run_roles  # noqa: PLC0415 - the workers load meanwhile

        run_roles(config, pool)
    return 0


def _bind(pool: ReceiverPool, seconds: float) -> None:
    """Take the ports; the workers of a main that was killed may have them for a moment yet."""
    clock = SystemClock()
    until = clock.monotonic() + seconds
    while True:
        try:
            pool.bind()
        except UnavailableError:
            if clock.monotonic() >= until:
                raise
            time.sleep(_RETRY_BIND)
        else:
            return


def _raise_file_limit() -> None:
    """As many open files as allowed: every connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else hard
    if soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
