"""Figures of the sensor in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import typer

from sealwire.cli.output import printable, show_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_NAMES: Final = 6


def show_what_is_spoken(stats: Mapping[str, Any]) -> None:
    """Rates, protocols, TLS, framing, formats and grades; what is missing, by the numbers."""
    rates = stats["rates"]
    show_fields(
        {
            "Messages a second": f"{rates['messages_per_second_1m']:g} in the last minute,"
            f" {rates['messages_per_second_5m']:g} in the last five",
            "Open connections": stats["connections"],
            "Protocols": _amounts(stats["transports"]),
            "Ports": _amounts(stats["listeners"]),
            "TLS": _counted({f"{t['version']} {t['cipher']}": t["packets"] for t in stats["tls"]}),
            "Framing": _counted(stats["framing"]),
            "Formats": _counted(stats["formats"]),
            "Read": _counted(stats["grades"]),
            "By sequenceId": _numbers(stats),
            "HOSTNAMEs not allowed": stats["host_not_allowed"] or "",
            "Sent twice (RELP)": stats["redelivered"] or "",
            "Clock a day or more off": stats["clock_off"] or "",
        }
    )


def show_what_is_stored(archive: Mapping[str, Any]) -> None:
    """How far sealing and indexing are behind receiving, and what keeps them."""
    if "sealed_records" in archive:
        behind = [
            f"{archive['journal_bytes_waiting']} bytes not sealed"
            if archive["journal_bytes_waiting"]
            else "",
            f"{archive['records_waiting']} records not indexed"
            if archive["records_waiting"]
            else "",
            f"{archive['lag_seconds']:g} s behind" if archive.get("lag_seconds") else "",
        ]
        show_fields(
            {
                "Stored": f"{archive['sealed_records']} records in {archive['segments']} segments,"
                f" {archive['segment_bytes']} bytes",
                "Search is behind": ", ".join(filter(None, behind)) or "no",
            }
        )
    if archive.get("trouble"):
        typer.echo(f"Not sealing or indexing: {printable(archive['trouble'])}")


def _numbers(stats: Mapping[str, Any]) -> str:
    gaps = stats["sequence_gaps"]
    told = {
        "missing in one gap" if gaps == 1 else f"missing in {gaps} gaps": stats["sequence_missing"],
        "late": stats["sequence_late"],
        "duplicates": stats["sequence_duplicates"],
        "restarts": stats["sequence_restarts"],
    }
    return ", ".join(f"{count} {words}" for words, count in told.items() if count)


def _amounts(amounts: Mapping[str, Mapping[str, int]]) -> str:
    return _counted({name: one["packets"] for name, one in amounts.items()})


def _counted(counts: Mapping[str, int]) -> str:
    """``strict 90, raw 10``: the most first."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])[:_MOST_NAMES]
    return ", ".join(f"{name} {count}" for name, count in ordered)
