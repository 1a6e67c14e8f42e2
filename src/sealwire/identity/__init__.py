"""One TLS end: its keys, pending CSRs, installed certificate and history."""
