"""Destinations of one unit, and streaming to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sealwire.appliance.delivery import STREAMED_TRAILS, DestinationStatus
from sealwire.appliance.destinations import MAX_DESTINATIONS, new_destination
from sealwire.appliance.unit import UnitCases
from sealwire.audit.events import EventName, Outcome
from sealwire.errors import ConflictError, NotFoundError, RefusedError
from sealwire.identity.lifecycle import leaf_of
from sealwire.x509.certificate import certificate_names, names_match

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sealwire.appliance.delivery import ProbeReport
    from sealwire.appliance.ports import ApplianceTx, Destination


@dataclass(frozen=True, slots=True)
class DestinationView:
    """A destination and how it is doing."""

    destination: Destination
    status: DestinationStatus


class StreamingCases(UnitCases):
    """The page *Audit Log*. On a standby unit, changes raise ConflictError ``ha.standby``."""

    def add_destination(
        self,
        actor: str,
        name: str,
        host: str,
        port: int,
        *,
        trust_pem: str = "",
        server_name: str = "",
        mutual: bool = True,
    ) -> Destination:
        """Add one, not streamed to yet. Raises RefusedError or ConflictError.

        Without ``trust_pem`` the server's certificate must come from the node's own CA, if there
        is one.
        """
        destination = new_destination(
            name,
            host,
            port,
            trust_pem=trust_pem or self._default_trust(),
            server_name=server_name,
            mutual=mutual,
        )

        def use_case(tx: ApplianceTx) -> Destination:
            if tx.destination(name) is not None:
                raise ConflictError("destination.exists", f"there is a destination {name} already")
            if len(tx.destinations()) >= MAX_DESTINATIONS:
                raise ConflictError(
                    "destination.too_many", f"{MAX_DESTINATIONS} destinations are the most"
                )
            tx.put_destination(destination)
            self._changed(tx, EventName.DESTINATION_CHANGE, actor, "add", _described(destination))
            return destination

        return self._change(use_case)

    def destinations(self) -> Sequence[DestinationView]:
        """By name, each with its state."""
        running = {status.name: status for status in self._forwarder.status()}
        return self._store.read(lambda tx: destination_views(tx, running))

    def remove_destination(self, actor: str, name: str) -> None:
        """End streaming to it and forget it. Raises NotFoundError ``destination.unknown``."""

        def use_case(tx: ApplianceTx) -> None:
            known = _known(tx, name)
            tx.remove_destination(name)
            self._changed(tx, EventName.DESTINATION_CHANGE, actor, "remove", _described(known))

        self._change(use_case)
        self._forwarder.poke()

    def test_destination(self, name: str) -> ProbeReport:
        """Connect as the forwarder would, send one message, see that it is taken."""
        destination = self._store.read(lambda tx: _known(tx, name))
        return self._probe.probe(destination)

    def start_stream(
        self, actor: str, name: str, *, allow_name_mismatch: bool = False
    ) -> Destination:
        """Turn streaming on.

        Raises ConflictError ``stream.no_certificate`` when mutual authentication is on and no
        certificate is installed, RefusedError ``stream.name_mismatch`` when the certificate does
        not carry this machine's name, unless ``allow_name_mismatch`` (which is recorded).
        """

        def use_case(tx: ApplianceTx) -> Destination:
            destination = _known(tx, name)
            mismatch = self._name_mismatch(tx, destination)
            if mismatch and not allow_name_mismatch:
                raise RefusedError(
                    "stream.name_mismatch",
                    mismatch,
                    hint="get a certificate for this name, correct the host name, or say "
                    "--allow-name-mismatch",
                )
            details = {"name_mismatch_allowed": mismatch} if mismatch else {}
            return self._switch(tx, actor, destination, enabled=True, details=details)

        try:
            started = self._change(use_case)
        except (RefusedError, ConflictError) as refusal:
            self._record_refused_start(actor, name, refusal.message)
            raise
        self._forwarder.poke()
        return started

    def stop_stream(self, actor: str, name: str) -> Destination:
        """Turn streaming off; what is not delivered waits. NotFoundError when it is unknown."""

        def use_case(tx: ApplianceTx) -> Destination:
            return self._switch(tx, actor, _known(tx, name), enabled=False, details={})

        stopped = self._change(use_case)
        self._forwarder.poke()
        return stopped

    def _name_mismatch(self, tx: ApplianceTx, destination: Destination) -> str:
        if not destination.mutual:
            return ""
        identity = tx.installed_identity(self.identity)
        if identity is None:
            raise ConflictError(
                "stream.no_certificate",
                "mutual authentication is on, but no audit log client certificate is installed",
                hint="generate a CSR, have it signed and import the certificate",
            )
        leaf = leaf_of(identity)
        host_name = self._host_name(tx)
        if names_match(leaf, host_name):
            return ""
        names = ", ".join(certificate_names(leaf)) or "no name at all"
        return f"the certificate is for {names}, but this machine is {host_name}"

    def _switch(
        self,
        tx: ApplianceTx,
        actor: str,
        destination: Destination,
        *,
        enabled: bool,
        details: Mapping[str, str],
    ) -> Destination:
        switched = replace(destination, enabled=enabled)
        tx.put_destination(switched)
        operation = "start" if enabled else "stop"
        parameters = {"destination": destination.name, **details}
        self._changed(tx, EventName.STREAM_CHANGE, actor, operation, parameters)
        return switched

    def _record_refused_start(self, actor: str, name: str, message: str) -> None:
        details = {"destination": name, "reason": message}
        self._store.run(
            lambda tx: self._changed(
                tx, EventName.STREAM_CHANGE, actor, "start", details, Outcome.FAILURE
            )
        )


def _known(tx: ApplianceTx, name: str) -> Destination:
    destination = tx.destination(name)
    if destination is None:
        raise NotFoundError("destination.unknown", f"there is no destination {name}")
    return destination


def _described(destination: Destination) -> Mapping[str, str]:
    return {
        "destination": destination.name,
        "host": destination.host,
        "port": str(destination.port),
        "transport": destination.transport,
        "server_name": destination.server_name,
        "mutual": "true" if destination.mutual else "false",
    }


def destination_views(
    tx: ApplianceTx, running: Mapping[str, DestinationStatus]
) -> Sequence[DestinationView]:
    """Every destination with its state, and its backlog as the store has it."""
    sizes = {trail: tx.trail_head(trail).size for trail in STREAMED_TRAILS}
    views = []
    for destination in tx.destinations():
        name = destination.name
        status = running.get(name, DestinationStatus(name, "stopped"))
        backlog = {trail: size - tx.cursor(name, trail) for trail, size in sizes.items()}
        views.append(DestinationView(destination, replace(status, backlog=backlog)))
    return views
