"""Puts a node together: stores and keys below, use cases above, the API on top."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from cryptography.x509 import load_pem_x509_certificates

from sealwire.audit.gate import AuditGate
from sealwire.audit.recorder import Recorder
from sealwire.bootstrap.home import Home
from sealwire.bootstrap.keys import key_files, signing_keys
from sealwire.clock import SystemClock, SystemRandom
from sealwire.config.node import NodeConfig, checked_config, remembered_settings
from sealwire.stores.public_roots import public_roots
from sealwire.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography.x509 import Certificate

    from sealwire.ca.key_places import KeyPlaces
    from sealwire.clock import Clock, RandomSource
    from sealwire.errors import SealwireError
    from sealwire.stores.keyfiles import KeyFiles
    from sealwire.stores.sql_transaction import SqlTransaction

ResultT = TypeVar("ResultT")
VERSION = version("sealwire")


class WakingStore:
    """The store, telling forwarder and audit file after each commit: there may be new records."""

    def __init__(self, inner: SqlStore) -> None:
        self._inner = inner
        self.after_commit: Callable[[], None] = _nothing
        self.follow_audit: Callable[[], None] = _nothing

    def run(self, use_case: Callable[[SqlTransaction], ResultT]) -> ResultT:
        """Run ``use_case``; after the commit, wake whoever waits for records."""
        result = self._inner.run(use_case)
        self.after_commit()
        self.follow_audit()
        return result

    def run_each(
        self, use_cases: Sequence[Callable[[SqlTransaction], ResultT]]
    ) -> list[ResultT | SealwireError]:
        """Run them all; then wake as ``run`` does."""
        results = self._inner.run_each(use_cases)
        self.after_commit()
        self.follow_audit()
        return results

    def read(self, query: Callable[[SqlTransaction], ResultT]) -> ResultT:
        """Run ``query`` on committed state."""
        return self._inner.read(query)


@dataclass(frozen=True, slots=True)
class Foundation:
    """What every role of a node stands on.

    ``keys`` are those that TLS needs in files; ``signing`` those that only ever sign, which may
    live on a token.
    """

    config: NodeConfig
    home: Home
    sql: SqlStore
    store: WakingStore
    keys: KeyFiles
    signing: KeyPlaces
    recorder: Recorder
    gate: AuditGate
    clock: Clock
    random: RandomSource

    def close(self) -> None:
        """Finish the store's work."""
        self.sql.close()


def lay_foundation(config: NodeConfig) -> Foundation:
    """Open the home's stores; the schema is brought up to date. The home's lock must be held."""
    home = Home(config.home)
    clock = SystemClock()
    keys = key_files(home, config)
    sql = SqlStore(config.database_url)
    gate = AuditGate()
    return Foundation(
        config=config,
        home=home,
        sql=sql,
        store=WakingStore(sql),
        keys=keys,
        signing=signing_keys(config, keys),
        recorder=Recorder(clock, config.host_name, config.audit_format, VERSION, gate=gate),
        gate=gate,
        clock=clock,
        random=SystemRandom(),
    )


def own_roots(base: Foundation) -> str:
    """PEM of the home's own CA's root; empty before there is one."""
    rows = base.store.read(lambda tx: tx.ca_certificates())
    return "" if rows is None else rows.root_pem


def known_roots(base: Foundation) -> Sequence[Certificate]:
    """Where an imported chain may end: the home's own root, and the system's public ones."""
    own = own_roots(base)
    return [*(load_pem_x509_certificates(own.encode()) if own else ()), *public_roots()]


def agents_anchor(base: Foundation) -> str:
    """PEM that a client certificate for log-in must chain to; empty when there is no CA."""
    rows = base.store.read(lambda tx: tx.ca_certificates())
    return "" if rows is None else rows.issuing_pem + rows.intermediates_pem + rows.root_pem


def remember(home: Home, config: NodeConfig) -> None:
    """Keep the configuration, so that commands find it when the node is not running."""
    home.write_private(home.config_file, config.model_dump_json(indent=2).encode("utf-8"))


def remembered(home: Home) -> NodeConfig:
    """The configuration of the last run, or the defaults. Raises RefusedError when it is wrong."""
    return checked_config(**{**remembered_settings(home.config_file), "home": home.root})


def _nothing() -> None:
    """Nobody waits."""
