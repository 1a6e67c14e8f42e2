"""Names, keys, certificate requests, certificates, chains: pure."""
