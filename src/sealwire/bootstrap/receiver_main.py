"""A receiver worker's process: ``python -m sealwire.bootstrap.receiver_main FD``.

``FD`` is the inherited control socket; what is said over it stands in ``sealwire.net.control``.
Only light imports: a worker should stay small.
"""

from __future__ import annotations

import resource
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealwire.clock import SystemClock
from sealwire.net.control import LineChannel, material_from
from sealwire.net.limits import ReceiverLimits
from sealwire.net.listening import Listener
from sealwire.net.receiver import Receiver
from sealwire.net.tls import server_context
from sealwire.sensor.admission import Admission
from sealwire.sensor.receiving import Transport
from sealwire.stores.journal.writer import JournalWriter
from sealwire.x509.revocation import guard_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def main(arguments: list[str]) -> int:
    """Serve until main says stop or goes away."""
    # Signals to the process group are main's to answer; it stops workers in good order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    channel = LineChannel(socket.socket(fileno=int(arguments[0])))
    try:
        configuration, *later = channel.wait()
    except EOFError:
        return 0
    receiver = _receiver(configuration, channel)
    channel.send({"event": "ready"})
    for message in later:
        receiver.obey(message)
    receiver.run()
    channel.close()
    return 0


def _receiver(configuration: Mapping[str, Any], channel: LineChannel) -> Receiver:
    clock = SystemClock()
    material = material_from(configuration["tls"])
    return Receiver(
        [
            Listener(Transport(transport), port, socket.socket(fileno=fd))
            for transport, port, fd in configuration["listeners"]
        ],
        server_context(material),
        JournalWriter(
            Path(configuration["journal"]),
            configuration["slot"],
            sensor=configuration["sensor"],
            clock=clock,
            rotate_at=configuration["rotate_at"],
        ),
        channel,
        clock=clock,
        limits=ReceiverLimits(**configuration["limits"]),
        guard=guard_of(material.revocation),
        admission=Admission(material.senders),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
