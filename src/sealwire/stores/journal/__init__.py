"""The journal: append-only files of received bytes, made durable block by block."""
