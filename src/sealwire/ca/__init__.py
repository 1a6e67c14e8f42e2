"""The certificate authority: profiles, requests, issuance."""
