"""``/metrics``: for Prometheus. Labels are bounded: by address only the sources that send most."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from heapq import nlargest
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request, Response

from sealwire.access.roles import Action
from sealwire.api.security import guard
from sealwire.api.services import services_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sealwire.identity.expiry import Lifetime

    Samples = Iterable[tuple[tuple[str, ...], float]]

router = APIRouter(tags=["metrics"])

MOST_ADDRESSES: Final = 50
"""So many addresses are labels."""

_ARCHIVE: Final = {
    "journal_bytes_waiting": "Bytes of the journal that are not sealed yet.",
    "records_waiting": "Sealed records that are not indexed yet.",
    "sealed_records": "Number of the last record that is sealed.",
    "indexed_records": "Number of the last record that is indexed.",
    "segments": "Segments that are kept.",
    "segment_bytes": "Bytes of the segments that are kept.",
    "index_bytes": "Bytes of the index.",
    "lag_seconds": "For how long the oldest record that search does not find has waited.",
}
_COUNTERS: Final = {
    "packets_received": "Packets received and kept.",
    "bytes_received": "Bytes received and kept.",
    "overlong": "Messages that were too long and were cut.",
    "truncated_bytes": "Bytes that were cut from them.",
    "unterminated": "Last lines without an end.",
    "bad_count": "Frames with a wrong length.",
    "incomplete": "Frames cut in the middle.",
    "quarantined_bytes": "Bytes that never became a message.",
    "redelivered": "Messages that a RELP sender sent a second time.",
    "host_not_allowed": "Messages with a HOSTNAME that their source may not claim.",
    "clock_off": "Messages whose time is more than a day from their receipt.",
    "sequence_late": "Messages that came behind one with a higher sequenceId.",
    "sequence_duplicates": "Messages whose sequenceId came before.",
    "sequence_restarts": "Senders whose sequenceId began anew.",
}
_GAUGES: Final = {
    "sequence_gaps": "Stretches of sequenceId that are missing.",
    "sequence_missing": "Messages that are missing by their sequenceId.",
    "connections": "Connections that are open, those in their handshake among them.",
    "source_count": "Sources, by address and certificate.",
    "silent_sources": "Sources that used to send and are silent.",
}
_BY_NAME: Final = {
    "grades": ("messages_by_grade", "grade", "Messages by how surely they were taken apart."),
    "formats": ("messages_by_rule", "rule", "Messages by the rule that took them apart."),
    "framing": ("messages_by_framing", "framing", "Messages by how they were framed."),
}
_BY_AMOUNT: Final = {"transports": "transport", "listeners": "port"}


@router.get("/metrics", dependencies=[guard(Action.READ_SENSOR)], response_class=Response)
def metrics(request: Request) -> Response:
    """For Prometheus: seconds since 1970 at which each certificate in use ends, what arrived."""
    from prometheus_client.exposition import (  # noqa: PLC0415 - only who asks for it pays for it
        CONTENT_TYPE_LATEST,
        generate_latest,
    )
    from prometheus_client.registry import CollectorRegistry  # noqa: PLC0415 - as above

    services = services_of(request)
    lifetimes = () if services.expiry is None else services.expiry.lifetimes()
    sensor = services.sensor
    figures = Figures(
        lifetimes,
        None if sensor is None else sensor.stats(),
        ready=sensor is None or not sensor.unready(),
    )
    registry = CollectorRegistry()
    registry.register(figures)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class Figures:
    """A collector over what was just read; ``stats`` as ``Sensor.stats`` gives it."""

    def __init__(
        self,
        lifetimes: Sequence[Lifetime],
        stats: Mapping[str, Any] | None,
        *,
        ready: bool = True,
    ) -> None:
        self._lifetimes = lifetimes
        self._stats = stats
        self._ready = ready

    def collect(self) -> Iterator[Any]:
        """Families of figures, in prometheus_client's form."""
        yield _gauge("ready", "1 when the node is ready (/readyz), else 0.", [((), self._ready)])
        yield _gauge(
            "certificate_not_after_seconds",
            "When a certificate in use ends, in seconds since 1970.",
            [
                ((one.where, one.place.value, one.sha256), one.not_after.timestamp())
                for one in self._lifetimes
            ],
            ("where", "place", "sha256"),
        )
        if self._stats is not None:
            yield from _plain(self._stats)
            yield from _told_apart(self._stats)
            yield from _of_sources(self._stats["sources"])


def _plain(stats: Mapping[str, Any]) -> Iterator[Any]:
    troubles = [(("journal",), len(stats["journal_trouble"]))]
    troubles += [(("archive",), int(bool(stats["archive"].get("trouble"))))]
    told = "Receivers that cannot write their journal; whether sealing or indexing is stuck."
    yield _gauge("troubles", told, troubles, ("part",))
    for name, told in _COUNTERS.items():
        yield _counter(name, told, [((), stats[name])])
    for name, told in _GAUGES.items():
        yield _gauge(name, told, [((), stats[name])])
    for name, told in _ARCHIVE.items():
        if name in stats["archive"]:
            yield _gauge(f"archive_{name}", told, [((), stats["archive"][name])])


def _told_apart(stats: Mapping[str, Any]) -> Iterator[Any]:
    for key, (name, label, told) in _BY_NAME.items():
        yield _counter(name, told, _named(stats[key]), (label,))
    for key, label in _BY_AMOUNT.items():
        for what in ("packets", "bytes"):
            amounts = {name: one[what] for name, one in stats[key].items()}
            yield _counter(
                f"{label}_{what}", f"{what.capitalize()} by {label}.", _named(amounts), (label,)
            )
    tls = [((one["version"], one["cipher"]), one["packets"]) for one in stats["tls"]]
    yield _counter("tls_packets", "Packets by what TLS agreed on.", tls, ("version", "cipher"))
    failures: Counter[str] = Counter()
    for one in stats["tls_failures"]:
        failures[one["reason"]] += one["count"]
    yield _counter("tls_failures", "Connections that failed at TLS.", _named(failures), ("reason",))
    alarms = Counter(one["code"] for one in stats["alarms"] if not one["over"])
    yield _gauge("alarms", "Alarms of the sensor that are not over.", _named(alarms), ("code",))
    for what in ("messages", "bytes"):
        rates = {span: stats["rates"][f"{what}_per_second_{span}"] for span in ("1m", "5m")}
        told = f"{what.capitalize()} a second, over one and five minutes."
        yield _gauge(f"{what}_per_second", told, _named(rates), ("window",))


def _of_sources(sources: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    """Of the addresses that sent most, whatever their certificates."""
    found: dict[str, Counter[str]] = {}
    last: dict[str, float] = {}
    for one in sources:
        counts = found.setdefault(one["address"], Counter())
        for name in ("packets_received", "bytes_received", "sequence_missing"):
            counts[name] += one[name]
        seen = datetime.fromisoformat(one["last_seen"]).timestamp()
        last[one["address"]] = max(seen, last.get(one["address"], 0.0))
    most = nlargest(MOST_ADDRESSES, found, key=lambda one: (found[one]["packets_received"], one))
    kinds = {
        "packets": (_counter, "packets_received", "Packets of the sources that sent most."),
        "bytes": (_counter, "bytes_received", "Bytes of the sources that sent most."),
        "sequence_missing": (_gauge, "sequence_missing", "Missing messages of these sources."),
    }
    for name, (kind, key, told) in kinds.items():
        values = {address: found[address][key] for address in most}
        yield kind(f"source_{name}", told, _named(values), ("address",))
    told = "When these sources sent last, in seconds since 1970."
    values_seen = {address: last[address] for address in most}
    yield _gauge("source_last_seen_seconds", told, _named(values_seen), ("address",))


def _named(values: Mapping[str, float]) -> list[tuple[tuple[str, ...], float]]:
    return [((name,), value) for name, value in values.items()]


def _counter(
    name: str,
    told: str,
    samples: Samples,
    labels: Sequence[str] = (),
) -> Any:  # noqa: ANN401 - prometheus_client is not loaded before it is needed
    from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 - as above

    return _filled(CounterMetricFamily(f"sealwire_{name}", told, labels=labels), samples)


def _gauge(
    name: str,
    told: str,
    samples: Samples,
    labels: Sequence[str] = (),
) -> Any:  # noqa: ANN401 - as above
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - as above

    return _filled(GaugeMetricFamily(f"sealwire_{name}", told, labels=labels), samples)


def _filled(family: Any, samples: Samples) -> Any:  # noqa: ANN401 - as above
    for labels, value in samples:
        family.add_metric(labels, float(value))
    return family
