"""What the store process writes down for its next start, beside the segments.

``attempt.json``: what is being sealed; for a process that dies over it. It survives the process,
not the machine, and is not synced. ``redelivery.json``: what RELP senders sent last, with the
journal positions up to which that was; durable before the records behind it are sealed. The last
two are kept, because the seal may not come to pass. ``observations.json``: likewise, what was seen
of the records. ``chain.json``: a place of the chain that was reached; whoever puts older segments
back does not put this back with them. Not synced: it may say less than there is, never more.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sealwire.sensor.journal import Position
from sealwire.sensor.sealing import Attempt
from sealwire.stores.archive.schema import SCHEMA_VERSION
from sealwire.stores.files import sync_folder
from sealwire.stores.segments.chain import ChainEnd, ChainMark
from sealwire.syslog.message import PARSER_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MADE_WITH: Final = {"parser": PARSER_VERSION, "schema": SCHEMA_VERSION}


class SealingNotes:
    """The notes in one folder, which is made. For one thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._attempt = folder / "attempt.json"
        self.redelivery = SealedSnapshots(folder / "redelivery.json")
        self.observations = SealedSnapshots(folder / "observations.json")
        self._chain = folder / "chain.json"

    def attempt(self) -> Attempt:
        """What was being sealed when the process ended; no tries when all was sealed."""
        document = _read(self._attempt)
        if not isinstance(document, dict):
            return Attempt({}, 0)
        return Attempt(_positions_from(document["starts"]), int(document["tries"]))

    def put_attempt(self, attempt: Attempt) -> None:
        """This is going to be tried. Raises OSError."""
        document = {"starts": _positions(attempt.starts), "tries": attempt.tries}
        self._attempt.write_text(json.dumps(document), encoding="ascii")

    def clear_attempt(self) -> None:
        """It was sealed."""
        self._attempt.unlink(missing_ok=True)

    def chain(self) -> ChainMark | None:
        """A place that the chain had reached; None when none is known."""
        document = _read(self._chain)
        if not isinstance(document, dict):
            return None
        end = ChainEnd(document["next_number"], document["head"])
        return ChainMark(document["file"], document["offset"], end)

    def put_chain(self, mark: ChainMark) -> None:
        """The chain has reached this place. Raises OSError."""
        document = {"file": mark.file, "offset": mark.offset, **asdict(mark.end)}
        self._chain.write_text(json.dumps(document), encoding="ascii")

    def clear_chain(self) -> None:
        """It is another chain now."""
        self._chain.unlink(missing_ok=True)


class SealedSnapshots:
    """A document with the journal positions up to which it is true; the last two are kept.

    For one thread; nobody else writes the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: list[_Kept] | None = None

    def get(self, sealed: Mapping[int, Position]) -> Mapping[str, Any] | None:
        """The newest snapshot that belongs to what is ``sealed``; None when there is none.

        Whatever changes it is written before the seal: what lies between its positions and
        ``sealed`` has changed nothing.
        """
        fitting = self._fitting(sealed)
        if fitting is None:
            return None
        snapshot: Mapping[str, Any] = json.loads(fitting.text)
        return snapshot

    def put(
        self,
        sealed: Mapping[int, Position],
        ends: Mapping[int, Position],
        snapshot: Mapping[str, Any],
    ) -> None:
        """Keep what is true once everything up to ``ends`` is sealed; ``sealed`` is so far.

        Raises OSError.
        """
        fitting = self._fitting(sealed)
        fresh = _Kept(dict(ends), json.dumps(snapshot, separators=(",", ":")))
        kept = [fresh] if fitting is None else [fitting, fresh]
        draft = self._path.with_suffix(".new")
        with draft.open("w", encoding="ascii") as file:
            file.write("[" + ",".join(map(_row, kept)) + "]")
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._path)
        self._kept = kept
        sync_folder(self._path.parent)

    def _fitting(self, sealed: Mapping[int, Position]) -> _Kept | None:
        if self._kept is None:
            self._kept = self._read()
        for one in reversed(self._kept):
            if all(end <= sealed.get(slot, Position()) for slot, end in one.ends.items()):
                return one
        return None

    def _read(self) -> list[_Kept]:
        document = _read(self._path)
        if not isinstance(document, list):
            return []
        return [
            _Kept(_positions_from(ends), json.dumps(snapshot, separators=(",", ":")))
            for ends, snapshot in document
        ]


class _Kept(NamedTuple):
    """A snapshot as it stands in the file."""

    ends: Mapping[int, Position]
    text: str


def _row(kept: _Kept) -> str:
    return f"[{json.dumps(_positions(kept.ends))},{kept.text}]"


class IndexedNote:
    """Beside the index: how far it is, so that a start with nothing new need not open it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "indexed.json"

    def indexed_seq(self) -> int:
        """Number of the last record indexed; 0 when unknown, or by another version."""
        document = _read(self._path)
        if isinstance(document, dict) and _MADE_WITH.items() <= document.items():
            return int(document["seq"])
        return 0

    def put(self, seq: int) -> None:
        """The index has everything up to ``seq``, durably. Raises OSError."""
        self._path.write_text(json.dumps({"seq": seq, **_MADE_WITH}), encoding="ascii")

    def distrust(self) -> None:
        """What is in the index may be of other records: it is to be built again. Raises OSError."""
        if self._path.parent.is_dir():
            self._path.write_text('"distrusted"', encoding="ascii")

    @property
    def distrusted(self) -> bool:
        """Whether it is to be built again."""
        return _read(self._path) == "distrusted"

    def clear(self) -> None:
        """The index is being built again."""
        self._path.unlink(missing_ok=True)


def _read(path: Path) -> object:
    """What stands there; None when nothing does, or nothing whole."""
    try:
        document: object = json.loads(path.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None
    return document


def _positions(positions: Mapping[int, Position]) -> dict[str, list[int]]:
    return {str(slot): list(at) for slot, at in positions.items()}


def _positions_from(document: Mapping[str, Any]) -> dict[int, Position]:
    return {int(slot): Position(*at) for slot, at in document.items()}
