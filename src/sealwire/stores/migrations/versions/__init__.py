"""One module per revision. A released one is never changed; add the next, and name it above."""
