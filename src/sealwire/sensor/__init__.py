"""Receives syslog, counts it, keeps it."""
