"""Audit events, their exact text, the append-only trail and its Merkle tree."""
