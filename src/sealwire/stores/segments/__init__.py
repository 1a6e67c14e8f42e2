"""Segments: sealed Parquet files of records, and the chain of manifests that names every one."""
