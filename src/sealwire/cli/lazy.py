"""Groups of commands that are made when one of theirs is run: there are many, and one is run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import typer.main
from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN: Final = "Run"
ROLES: Final = "Roles of a node"
FILES: Final = "Files and servers"

GROUPS: Final[Mapping[str, str]] = {
    "csr": "Certificate requests: make one, explain one.",
    "cert": "Certificates: what files hold, and which end soon.",
    "chain": "Certificate chains: build one, check one.",
    "pki": "Dogtag PKI's own command words.",
    "ca": "The certificate authority: profiles, certificates, CRLs.",
    "appliance": "The machine whose audit log is streamed, and where to.",
    "sensor": "The sensor: receives syslog, keeps it and finds it again.",
    "audit": "The audit trails of all roles, and the signed audit log.",
    "user": "Users and their roles.",
    "bench": "How fast it is on this machine.",
}
"""Each group and its help; module and attribute follow from the name (``csr.csr_app``)."""

_ABOUT_FILES: Final = frozenset({"csr", "cert", "chain"})


def panel(name: str) -> str:
    """Under which heading of the help a group stands."""
    if name == "bench":
        return RUN
    return FILES if name in _ABOUT_FILES else ROLES


class Commands(Mapping[str, Any]):
    """A group's commands by name: those made at once, and the groups of the table."""

    def __init__(self, made: Mapping[str, Any]) -> None:
        self._made = dict(made)
        self._names = [*made, *GROUPS]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - a vendored class
        """The command. Raises KeyError."""
        if name not in self._made:
            if name not in GROUPS:
                raise KeyError(name)
            module = import_module(f"sealwire.cli.{name}")
            self._made[name] = typer.main.get_group(getattr(module, f"{name}_app"))
            self._made[name].name = name
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """The names, in the order of the help."""
        return iter(self._names)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._names)


class LazyGroup(TyperGroup):
    """The command itself, whose groups wait in the table."""

    def __init__(self, *arguments: Any, **extra: Any) -> None:  # noqa: ANN401 - passed on
        super().__init__(*arguments, **extra)
        self.commands = Commands(self.commands)  # type: ignore[assignment]  # nothing is added later
        self._listing = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - passed on
        """The command; for the listing in the help no more than its name and help."""
        if self._listing and cmd_name in GROUPS:
            return TyperGroup(name=cmd_name, help=GROUPS[cmd_name], rich_help_panel=panel(cmd_name))
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - as it is called
        """The names, without making what they stand for."""
        return list(self.commands)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - passed on
        """Write the help without making what it lists."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False
