"""The HTTP API: decode, call one use case, encode."""
