"""Which connections an epoll looks at, and for what: bytes to read, room to send, or nothing."""

from __future__ import annotations

import select


class Watch:
    """The connections in ``epoll``; a descriptor is in it, or remembered as left out."""

    def __init__(self, epoll: select.epoll) -> None:
        self._epoll = epoll
        self._unwatched: set[int] = set()

    def begin(self, fd: int) -> None:
        """Look for bytes of a new connection."""
        self._epoll.register(fd, select.EPOLLIN)

    def change(self, fd: int, *, reading: bool, sending: bool) -> None:
        """Look for bytes, for room to send, for both or for nothing from now on."""
        events = (select.EPOLLIN if reading else 0) | (select.EPOLLOUT if sending else 0)
        if not events:
            self._unwatched.add(fd)
            self._epoll.unregister(fd)
        elif fd in self._unwatched:
            self._unwatched.discard(fd)
            self._epoll.register(fd, events)
        else:
            self._epoll.modify(fd, events)

    def end(self, fd: int) -> None:
        """Its connection is gone."""
        if fd in self._unwatched:
            self._unwatched.discard(fd)
        else:
            self._epoll.unregister(fd)
