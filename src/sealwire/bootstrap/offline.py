"""The API of a home whose node is not running, for one command."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import structlog

from sealwire.api.app import create_app
from sealwire.bootstrap.compose import VERSION, lay_foundation, remembered
from sealwire.bootstrap.home import HomeLock
from sealwire.bootstrap.roles import offline_services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from sealwire.bootstrap.home import Home


@contextmanager
def opened_offline(home: Home) -> Iterator[FastAPI]:
    """The API of a home whose node is not running, for one command; holds the home's lock."""
    # What a command prints is its answer, which may be JSON.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with ExitStack() as stack:
        home.create()
        lock = HomeLock(home)
        lock.acquire()
        stack.callback(lock.release)
        base = lay_foundation(remembered(home))
        stack.callback(base.close)
        yield create_app(offline_services(base, stack), version=VERSION, closing=True)
