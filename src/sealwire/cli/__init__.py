"""The command ``sealwire``."""

from __future__ import annotations


def main() -> None:
    """Entry point of the console script."""
    from sealwire.cli.app import run

    run()
