"""Fixtures for real peers."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest

from tests.flow.authority import PeerAuthority
from tests.flow.peers import PeerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

P = TypeVar("P", bound=PeerProcess)


class Start(Protocol):
    """Starts a peer and sees to its end."""

    def __call__(self, peer: P) -> P: ...


@pytest.fixture(scope="session")
def peer_authority(tmp_path_factory: pytest.TempPathFactory) -> PeerAuthority:
    """A CA for the peers among themselves."""
    return PeerAuthority(tmp_path_factory.mktemp("peer-ca"))


@pytest.fixture
def start_peer() -> Iterator[Start]:
    """Start peers; they are ended with the test, the last one first."""
    with ExitStack() as stack:

        def start(peer: P) -> P:
            stack.enter_context(peer)
            return peer

        yield start
