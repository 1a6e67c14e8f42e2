"""Keeps one sender for each enabled destination, and restarts one that died."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import structlog

from sealwire.appliance.forwarder import Policy
from sealwire.errors import SealwireError
from sealwire.net.client_tls import ClientIdentity
from sealwire.net.sender import DestinationSender, SenderTools
from sealwire.x509.revocation import RevocationGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sealwire.appliance.delivery import DestinationStatus
    from sealwire.appliance.ports import ApplianceTx, Destination
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.clock import Clock, RandomSource
    from sealwire.identity.ports import KeyStore

_log = structlog.get_logger(__name__)

_LOOK_EVERY_S: Final = 1.0


class IdentitySource:
    """The identity in use, read anew whenever it is asked for."""

    def __init__(self, store: Store[ApplianceTx], keys: KeyStore, identity: str) -> None:
        self._store = store
        self._keys = keys
        self._identity = identity

    def __call__(self) -> ClientIdentity | None:
        """Chain and key, or None when none is installed. Raises what store and keys raise."""
        installed = self._store.read(lambda tx: tx.installed_identity(self._identity))
        if installed is None:
            return None
        return ClientIdentity(installed.chain_pem, self._keys.load_key(installed.key_id))


class Dispatcher:
    """The running forwarder of one unit: fills ``appliance.delivery.ForwarderControl``.

    ``start`` once, ``stop`` once. A sender whose destination changed ends in good order before
    its successor begins, so that no record is overtaken. ``active`` says whether this unit may
    stream; when it no longer may, its senders end in good order within a second. All methods may
    be called from any thread. ``guard`` is asked at each connection whether the server is revoked.
    """

    def __init__(
        self,
        store: Store[ApplianceTx],
        recorder: Recorder,
        clock: Clock,
        random: RandomSource,
        identity: IdentitySource,
        policy: Policy | None = None,
        *,
        active: Callable[[ApplianceTx], bool] = lambda _: True,
        guard: Callable[[], RevocationGuard] = RevocationGuard,
    ) -> None:
        self._store = store
        self._active = active
        self._tools = SenderTools(
            store, recorder, clock, random, identity, policy or Policy(), guard
        )
        self._lock = threading.Lock()
        self._senders: dict[str, DestinationSender] = {}
        self._ending: dict[str, DestinationSender] = {}
        self._poked = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Begin to serve the enabled destinations."""
        self._thread.start()

    def poke(self) -> None:
        """Read destinations and certificate again, and retry at once."""
        for sender in self._snapshot():
            sender.retry_now()
        self._poked.set()

    def wake(self) -> None:
        """Records were committed. Cheap: call it after every commit that may have written some."""
        for sender in self._snapshot():
            sender.wake()

    def status(self) -> Sequence[DestinationStatus]:
        """One entry for each destination that is being served, by name."""
        senders = sorted(self._snapshot(), key=lambda sender: sender.destination.name)
        return [sender.status() for sender in senders]

    def stop(self, timeout: float = 10.0) -> bool:
        """End every connection in good order; True when all ended within ``timeout`` seconds."""
        self._stopped.set()
        self._poked.set()
        if self._thread.ident is not None:
            self._thread.join()
        with self._lock:
            senders = [*self._senders.values(), *self._ending.values()]
        for sender in senders:
            sender.stop()
        until = self._tools.clock.monotonic() + timeout
        ended = [sender.join(max(0.0, until - self._tools.clock.monotonic())) for sender in senders]
        return all(ended)

    def _snapshot(self) -> Sequence[DestinationSender]:
        with self._lock:
            return list(self._senders.values())

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._reconcile()
            except SealwireError as error:
                _log.warning("destinations not read", error=error.message)
            except Exception:  # noqa: BLE001 - the keeper of all senders must not die of one
                _log.exception("dispatcher failed")
            self._poked.wait(_LOOK_EVERY_S)
            self._poked.clear()

    def _reconcile(self) -> None:
        wanted = self._store.read(lambda tx: _enabled(tx) if self._active(tx) else {})
        with self._lock:
            for name, sender in list(self._senders.items()):
                if not sender.alive or wanted.get(name) != sender.destination:
                    sender.stop()
                    self._ending[name] = self._senders.pop(name)
            for name, sender in list(self._ending.items()):
                if not sender.alive:
                    del self._ending[name]
            for name in wanted.keys() - self._senders.keys() - self._ending.keys():
                sender = DestinationSender(wanted[name], self._tools)
                self._senders[name] = sender
                sender.start()
            if self._ending:
                self._poked.set()


def _enabled(tx: ApplianceTx) -> Mapping[str, Destination]:
    return {each.name: each for each in tx.destinations() if each.enabled}
