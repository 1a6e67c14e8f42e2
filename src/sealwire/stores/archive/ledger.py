"""What is in the index: which seals, up to which record, made by which version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from sealwire.stores.archive import schema
from sealwire.stores.archive.questions import Span
from sealwire.syslog.message import PARSER_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.stores.archive.tables import Tables

NOTHING: Final = Span(0, 0)
MADE_WITH: Final[Mapping[str, int]] = {"schema": schema.SCHEMA_VERSION, "parser": PARSER_VERSION}
REBUILDING: Final = "rebuilding"


class Ledger:
    """The tables ``seals`` and ``marks``, and what they say, at hand.

    A seal is entered after its records: what is not entered may be there in part.
    """

    def __init__(self, tables: Tables, sensor: str) -> None:
        self.sensor = sensor
        self._tables = tables
        self.upto = 0
        self.span = NOTHING
        self.marks: dict[str, int] = {}
        self.open()

    def open(self) -> None:
        """Make the tables that are not there, and read what is entered."""
        for statement in schema.create(self._tables.dialect):
            self._tables.run(statement)
        self._read_seals()
        self._read_marks()
        if not self.marks and not self.upto:
            self.mark(MADE_WITH)

    @property
    def made_by_us(self) -> bool:
        """Tables and records in them were made by this version."""
        return all(self.marks.get(name) == value for name, value in MADE_WITH.items())

    @property
    def rebuilding(self) -> bool:
        """Somebody began to build it again and has not come to the end."""
        return bool(self.marks.get(REBUILDING))

    def has(self, token: str) -> bool:
        """The seal is entered."""
        sql = (
            f"SELECT count() AS found FROM seals{self._tables.dialect.read_suffix}"  # noqa: S608 - values are bound
            " WHERE sensor = {sensor:String} AND token = {token:String}"
        )
        answer = self._tables.ask(sql, {"sensor": self.sensor, "token": token})
        return bool(answer["found"][0].as_py())

    def enter(self, token: str, first: int, last: int, span: Span) -> None:
        """The seal's records are all in."""
        seal = {
            "sensor": self.sensor,
            "token": token,
            "first_seq": first,
            "last_seq": last,
            "first_us": span.since_us,
            "last_us": span.until_us - 1,
        }
        # Nobody enters it who has not found that it is not there.
        self._tables.insert("seals", pa.Table.from_pylist([seal]), None)
        self.upto = last
        self.span = span if self.span.empty else self.span.around(span)

    def mark(self, values: Mapping[str, int]) -> None:
        """Remember ``values`` by their names."""
        version = max(self.marks.get("version", 0), 0) + 1
        rows = [
            {"sensor": self.sensor, "name": name, "value": value, "version": version}
            for name, value in {**values, "version": version}.items()
        ]
        self._tables.insert("marks", pa.Table.from_pylist(rows), None)
        self.marks |= {**values, "version": version}

    def empty(self) -> None:
        """Take every record away, to be built again."""
        for statement in schema.drop(self._tables.dialect):
            self._tables.run(statement)
        self.upto, self.span, self.marks = 0, NOTHING, {}
        for statement in schema.create(self._tables.dialect):
            self._tables.run(statement)
        self.mark({**MADE_WITH, REBUILDING: 1})

    def _read_seals(self) -> None:
        sql = (
            "SELECT count() AS seals, max(last_seq) AS upto, min(first_us) AS since_us,"  # noqa: S608 - values are bound
            f" max(last_us) + 1 AS until_us FROM seals{self._tables.dialect.read_suffix}"
            " WHERE sensor = {sensor:String}"
        )
        row = self._tables.ask(sql, {"sensor": self.sensor}).to_pylist()[0]
        if row["seals"]:
            self.upto = row["upto"]
            self.span = Span(row["since_us"], row["until_us"])

    def _read_marks(self) -> None:
        sql = (
            "SELECT name, argMax(value, version) AS value"  # noqa: S608 - values are bound
            f" FROM marks{self._tables.dialect.read_suffix}"
            " WHERE sensor = {sensor:String} GROUP BY name"
        )
        rows = self._tables.ask(sql, {"sensor": self.sensor}).to_pylist()
        self.marks = {row["name"].decode(): row["value"] for row in rows}
