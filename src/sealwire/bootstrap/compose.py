"""Puts a node together: stores and keys below, use cases above, the API on top."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from sealwire.access.login import LogIn
from sealwire.api.app import create_app
from sealwire.api.services import Services
from sealwire.appliance.service import Appliance
from sealwire.appliance.unit import Unit, identity_name
from sealwire.audit.recorder import Recorder
from sealwire.bootstrap.credentials import CaSetup
from sealwire.bootstrap.home import Home, HomeLock
from sealwire.ca.profiles import shipped_profiles
from sealwire.ca.service import CertificateAuthority
from sealwire.clock import SystemClock, SystemRandom
from sealwire.config.node import NodeConfig, checked_config
from sealwire.net.dispatcher import Dispatcher, IdentitySource
from sealwire.net.filetail import FileTail
from sealwire.net.probe import DestinationProbe
from sealwire.stores.keyfiles import KeyFiles
from sealwire.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fastapi import FastAPI

    from sealwire.appliance.delivery import DestinationStatus, ForwarderControl
    from sealwire.clock import Clock, RandomSource
    from sealwire.stores.sql_transaction import SqlTransaction

ResultT = TypeVar("ResultT")
VERSION = version("sealwire")


class WakingStore:
    """The store, telling the forwarder after each commit that there may be new records."""

    def __init__(self, inner: SqlStore) -> None:
        self._inner = inner
        self.after_commit: Callable[[], None] = _nothing

    def run(self, use_case: Callable[[SqlTransaction], ResultT]) -> ResultT:
        """Run ``use_case``; after the commit, wake whoever waits for records."""
        result = self._inner.run(use_case)
        self.after_commit()
        return result

    def read(self, query: Callable[[SqlTransaction], ResultT]) -> ResultT:
        """Run ``query`` on committed state."""
        return self._inner.read(query)


class NoForwarder:
    """Stands in for the forwarder while the node is not running."""

    def poke(self) -> None:
        """Nothing runs that could be told."""

    def status(self) -> Sequence[DestinationStatus]:
        """No destination is being served."""
        return ()


@dataclass(frozen=True, slots=True)
class Foundation:
    """What every role of a node stands on."""

    config: NodeConfig
    home: Home
    sql: SqlStore
    store: WakingStore
    keys: KeyFiles
    recorder: Recorder
    clock: Clock
    random: RandomSource

    def close(self) -> None:
        """Finish the store's work."""
        self.sql.close()


def lay_foundation(config: NodeConfig) -> Foundation:
    """Open the home's stores; the schema is brought up to date. The home's lock must be held."""
    home = Home(config.home)
    clock = SystemClock()
    sql = SqlStore(config.database_url)
    return Foundation(
        config=config,
        home=home,
        sql=sql,
        store=WakingStore(sql),
        keys=KeyFiles(home.keys),
        recorder=Recorder(clock, config.host_name, config.audit_format, VERSION),
        clock=clock,
        random=SystemRandom(),
    )


def certificate_authority(base: Foundation) -> CertificateAuthority:
    """The CA's use cases."""
    return CertificateAuthority(
        base.store,
        base.keys,
        base.recorder,
        profiles=shipped_profiles(),
        clock=base.clock,
        random=base.random,
    )


def own_roots(base: Foundation) -> str:
    """PEM of the home's own CA's root; empty before there is one."""
    rows = base.store.read(lambda tx: tx.ca_certificates())
    return "" if rows is None else rows.root_pem


def appliance(base: Foundation, forwarder: ForwarderControl, identity: IdentitySource) -> Appliance:
    """The appliance's use cases."""
    return Appliance(
        base.store,
        base.keys,
        base.recorder,
        base.clock,
        unit=Unit(base.config.unit, base.config.host_name),
        probe=DestinationProbe(base.clock, identity, host_name=lambda: base.config.host_name),
        forwarder=forwarder,
        default_trust=lambda: own_roots(base),
    )


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles of one node; what it does not run is None."""

    base: Foundation
    services: Services
    ca: CertificateAuthority | None
    appliance: Appliance | None
    dispatcher: Dispatcher | None
    tail: FileTail | None

    def trails(self) -> Sequence[str]:
        """The trails that the running roles write."""
        named = {"ca": self.ca, "appliance": self.appliance}
        return [trail for trail, role in named.items() if role is not None]

    def tls_ports(self) -> Sequence[int]:
        """Where syslog over TLS is received."""
        return ()

    def ensure_identities(self) -> None:
        """Make the certificates that a first run needs."""

    def start(self) -> None:
        """Begin to forward and to receive."""
        if self.dispatcher is not None:
            self.base.store.after_commit = self.dispatcher.wake
            self.dispatcher.start()
        if self.tail is not None:
            self.tail.start()

    def stop(self) -> None:
        """End in good order: what is sent is acknowledged, what is received is durable."""
        if self.tail is not None:
            self.tail.stop()
        if self.dispatcher is not None:
            self.base.store.after_commit = _nothing
            self.dispatcher.stop()

    def reload(self) -> None:
        """Read certificates and trust again."""
        if self.dispatcher is not None:
            self.dispatcher.poke()


def running_roles(base: Foundation) -> Roles:
    """The roles that the configuration names, ready to start."""
    return _roles(base, running=True)


@contextmanager
def opened_offline(home: Home) -> Iterator[FastAPI]:
    """The API of a home whose node is not running, for one command; holds the home's lock."""
    with ExitStack() as stack:
        home.create()
        lock = HomeLock(home)
        lock.acquire()
        stack.callback(lock.release)
        base = lay_foundation(remembered(home))
        stack.callback(base.close)
        yield create_app(_roles(base, running=False).services, version=VERSION)


def remember(home: Home, config: NodeConfig) -> None:
    """Keep the configuration, so that commands find it when the node is not running."""
    home.write_private(home.config_file, config.model_dump_json(indent=2).encode("utf-8"))


def remembered(home: Home) -> NodeConfig:
    """The configuration of the last run, or the defaults. Raises RefusedError when it is wrong."""
    try:
        document = json.loads(home.config_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        document = {}
    return checked_config(**{**document, "home": home.root})


def agents_anchor(base: Foundation) -> str:
    """PEM that a client certificate for log-in must chain to; empty when there is no CA."""
    rows = base.store.read(lambda tx: tx.ca_certificates())
    return "" if rows is None else rows.issuing_pem + rows.root_pem


def _roles(base: Foundation, *, running: bool) -> Roles:
    wanted = base.config.roles
    ca = certificate_authority(base) if "ca" in wanted else None
    unit = tail = forwarder = None
    if "appliance" in wanted:
        identity = IdentitySource(base.sql, base.keys, identity_name(base.config.unit))
        if running:
            forwarder = Dispatcher(base.sql, base.recorder, base.clock, base.random, identity)
            tail = FileTail(base.store, base.recorder, base.clock)
        unit = appliance(base, forwarder or NoForwarder(), identity)
    services = Services(
        log_in=LogIn(base.store, base.recorder, "ca" if ca else "appliance"),
        trails=base.store,
        ca=ca,
        ca_setup=None if ca is None else CaSetup(base.home, ca),
        appliance=unit,
        sensor=None,
    )
    return Roles(base, services, ca, unit, forwarder, tail)


def _nothing() -> None:
    """Nobody waits."""
