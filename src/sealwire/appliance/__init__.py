"""A machine whose audit log is streamed."""
