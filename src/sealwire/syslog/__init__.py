"""Framing and message formats of syslog: pure."""
