"""Sealwire: audit records from where they arise to where they are kept, with proof."""
