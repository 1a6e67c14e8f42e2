"""The roles of one node, put together from the foundation: use cases, and what runs beside them."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from sealwire.access.login import LogIn
from sealwire.access.people import People
from sealwire.api.services import Services
from sealwire.appliance.lease import is_active
from sealwire.appliance.service import Appliance
from sealwire.appliance.unit import Unit, identity_name
from sealwire.audit.configuration import AuditConfiguration
from sealwire.bootstrap.audit_certificate import ensure_log_certificate, log_certificate
from sealwire.bootstrap.audit_file import AuditFileFollower, AuditFileWriter
from sealwire.bootstrap.certificate_watch import certificate_watch, expiry_watch
from sealwire.bootstrap.compose import known_roots, own_roots
from sealwire.bootstrap.credentials import CaSetup
from sealwire.bootstrap.peer_judgement import NodeDoctor, peer_judgement, revocation_watches
from sealwire.bootstrap.reception import Receiving, offline_sensor, receiving
from sealwire.bootstrap.status_watch import status_watch
from sealwire.bootstrap.unit_watch import unit_watch
from sealwire.ca.addresses import Addresses
from sealwire.ca.profiles import shipped_profiles
from sealwire.ca.publication import StatusPublisher
from sealwire.ca.revocation import Revocations
from sealwire.ca.service import CertificateAuthority
from sealwire.errors import SealwireError
from sealwire.net.dispatcher import Dispatcher, IdentitySource
from sealwire.net.filetail import FileTail
from sealwire.net.name_lookup import DnsLookup
from sealwire.net.probe import DestinationProbe
from sealwire.stores.audit_files import AuditFiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

    from sealwire.appliance.delivery import DestinationStatus, ForwarderControl
    from sealwire.bootstrap.beat import Beat
    from sealwire.bootstrap.compose import Foundation
    from sealwire.bootstrap.peer_judgement import PeerJudgement
    from sealwire.net.workers import ReceiverPool
    from sealwire.sensor.receiving import Transport
    from sealwire.sensor.service import Sensor

MOST_PASSWORD_HASHES: Final = 4
"""At a time in this node: each takes 64 MiB, whoever asks."""


class NoForwarder:
    """Stands in for the forwarder while the node is not running."""

    def poke(self) -> None:
        """Nothing runs that could be told."""

    def status(self) -> Sequence[DestinationStatus]:
        """No destination is being served."""
        return ()


@dataclass(frozen=True, slots=True)
class Forwarding:
    """What runs for the appliance: the forwarder, the reader of local files, the units' watch."""

    base: Foundation
    dispatcher: Dispatcher
    tail: FileTail
    watch: Beat

    def start(self) -> None:
        """Begin to stream and to read, as far as this unit is the active one."""
        self.base.store.after_commit = self.dispatcher.wake
        self.dispatcher.start()
        self.tail.start()
        self.watch.start()

    def stop(self) -> None:
        """Read what is there, deliver what is acknowledged in time, end in good order."""
        self.watch.stop()
        self.tail.stop()
        self.base.store.after_commit = lambda: None
        self.dispatcher.stop()


@dataclass(frozen=True, slots=True)
class Roles:
    """One node's roles; what it does not run is None."""

    base: Foundation
    services: Services
    forwarding: Forwarding | None
    receiving: Receiving | None
    audit_file: AuditFileFollower | None = None
    beats: tuple[Beat, ...] = ()
    fetching: tuple[Beat, ...] = ()

    @property
    def ca(self) -> CertificateAuthority | None:
        """The CA, if it runs here."""
        return self.services.ca

    def trails(self) -> Sequence[str]:
        """The trails that the running roles write."""
        named = {
            "ca": self.services.ca,
            "appliance": self.services.appliance,
            "sensor": self.services.sensor,
        }
        return [trail for trail, role in named.items() if role is not None]

    def syslog_ports(self, transport: Transport) -> Sequence[int]:
        """Where syslog is received over ``transport``."""
        return () if self.receiving is None else self.receiving.pool.ports_of(transport)

    def prepare(self) -> None:
        """Make the certificate that a sensor's first run needs."""
        if self.receiving is not None:
            self.receiving.sensor.ensure_identity()

    def join(self, console_url: str) -> None:
        """Make this unit of the appliance known to the others, if it runs here."""
        if self.services.appliance is not None:
            self.services.appliance.join(console_url)

    def start(self) -> None:
        """Begin to receive, then to forward: the sensor may be the destination."""
        if self.audit_file is not None:
            self.base.store.follow_audit = self.audit_file.wake
            self.audit_file.start()
        if self.receiving is not None:
            self.receiving.start()
        if self.forwarding is not None:
            self.forwarding.start()
        for beat in (*self.beats, *self.fetching):
            beat.start()

    def stop(self) -> None:
        """End in good order: what is sent is acknowledged, what is received is durable."""
        for beat in self.fetching:
            # A fetch in hand is left to its time limit.
            beat.stop(wait=False)
        for beat in self.beats:
            beat.stop()
        if self.forwarding is not None:
            self.forwarding.stop()
        if self.receiving is not None:
            self.receiving.stop()
        if self.audit_file is not None:
            self.audit_file.stop()

    def reload(self) -> None:
        """Read certificates and trust again; connections that stand live on."""
        if self.receiving is not None:
            with suppress(SealwireError):  # It has raised an alarm, and goes on with what it has.
                self.receiving.sensor.reload()
        if self.services.appliance is not None:
            self.services.appliance.certificate.examine()
        if self.forwarding is not None:
            self.forwarding.dispatcher.poke()


def running_roles(base: Foundation, pool: ReceiverPool | None) -> Roles:
    """The roles that the configuration names, ready to start.

    ``pool``: the sensor's receivers, which were begun ahead of all else; None without a sensor.
    """
    wanted = base.config.roles
    identity = _appliance_identity(base)
    judgement = peer_judgement(base)
    appliance, forwarding = None, None
    if "appliance" in wanted:
        active = partial(is_active, unit=base.config.unit)
        dispatcher = Dispatcher(
            base.sql,
            base.recorder,
            base.clock,
            base.random,
            identity,
            active=active,
            guard=judgement.appliance.guard,
        )
        judgement.appliance_changed.action = dispatcher.poke
        tail = FileTail(base.store, base.recorder, base.clock, active=active)
        appliance = _appliance(base, dispatcher, identity, judgement)
        forwarding = Forwarding(base, dispatcher, tail, unit_watch(appliance))
    received = receiving(base, judgement.sensor, pool) if pool is not None else None
    if received is not None:
        judgement.sensor_changed.action = received.sensor.reload
    sensor = received.sensor if received else None
    services = _services(base, appliance, sensor, judgement)
    publisher = services.status_publisher
    status = None if publisher is None else status_watch(publisher)
    beats = (status, certificate_watch(base, services))
    return Roles(
        base,
        services,
        forwarding,
        received,
        audit_file=_audit_file(base, services.ca),
        beats=tuple(beat for beat in beats if beat is not None),
        fetching=revocation_watches(judgement),
    )


def _audit_file(base: Foundation, ca: CertificateAuthority | None) -> AuditFileFollower | None:
    """What writes the CA's trail into the signed file, where there is a CA."""
    if ca is None:
        return None
    files = AuditFiles(base.home.audit)
    writer = AuditFileWriter(base.sql, files, base.signing, base.recorder, base.clock, base.gate)
    return AuditFileFollower(writer)


def offline_services(base: Foundation, closing: ExitStack) -> Services:
    """The use cases of a node that is not running. ``closing`` closes what they open."""
    wanted = base.config.roles
    judgement = peer_judgement(base)
    unit = _appliance(base, NoForwarder(), _appliance_identity(base), judgement)
    return _services(
        base,
        unit if "appliance" in wanted else None,
        offline_sensor(base, judgement.sensor, closing) if "sensor" in wanted else None,
        judgement,
    )


def _services(
    base: Foundation,
    appliance: Appliance | None,
    sensor: Sensor | None,
    judgement: PeerJudgement,
) -> Services:
    ca = _certificate_authority(base) if "ca" in base.config.roles else None
    turns = threading.BoundedSemaphore(MOST_PASSWORD_HASHES)
    home_trail = "ca" if ca else "appliance" if appliance else "sensor"
    return Services(
        log_in=LogIn(base.store, base.recorder, home_trail, base.clock, base.random, turns),
        trails=base.store,
        ca=ca,
        ca_setup=None if ca is None else _ca_setup(base, ca),
        appliance=appliance,
        sensor=sensor,
        people=People(base.store, base.recorder, home_trail, base.random, turns),
        audit=AuditConfiguration(
            base.store,
            base.recorder,
            AuditFiles(base.home.audit),
            base.gate,
            certify=partial(ensure_log_certificate, base, ca),
            certificate=partial(log_certificate, base),
        ),
        revocations=None
        if ca is None
        else Revocations(base.store, base.recorder, clock=base.clock),
        status_publisher=None if ca is None else _status_publisher(base, ca),
        peer_lists=judgement.by_side(),
        doctor=NodeDoctor(base, _appliance_identity(base), judgement),
        expiry=expiry_watch(base, appliance, sensor, trail=home_trail),
    )


def _ca_setup(base: Foundation, ca: CertificateAuthority) -> CaSetup:
    return CaSetup(base.home, ca, base.signing, Addresses(base.config.public_url))


def _status_publisher(base: Foundation, ca: CertificateAuthority) -> StatusPublisher:
    return StatusPublisher(
        base.store,
        base.signing,
        base.recorder,
        ca,
        clock=base.clock,
        addresses=Addresses(base.config.public_url),
        alone=threading.Lock(),
    )


def _certificate_authority(base: Foundation) -> CertificateAuthority:
    return CertificateAuthority(
        base.store,
        base.signing,
        base.recorder,
        profiles=shipped_profiles(),
        clock=base.clock,
        random=base.random,
        addresses=Addresses(base.config.public_url),
    )


def _appliance_identity(base: Foundation) -> IdentitySource:
    return IdentitySource(base.sql, base.keys, identity_name(base.config.unit))


def _appliance(
    base: Foundation,
    forwarder: ForwarderControl,
    identity: IdentitySource,
    judgement: PeerJudgement,
) -> Appliance:
    return Appliance(
        base.store,
        base.keys,
        base.recorder,
        base.clock,
        unit=Unit(base.config.unit, base.config.host_name, lambda: known_roots(base), DnsLookup()),
        probe=DestinationProbe(
            base.clock,
            identity,
            host_name=lambda: base.config.host_name,
            lists=judgement.appliance.lists,
        ),
        forwarder=forwarder,
        default_trust=lambda: own_roots(base),
    )
