"""``python -m sealwire``."""

from sealwire.cli import main

main()
