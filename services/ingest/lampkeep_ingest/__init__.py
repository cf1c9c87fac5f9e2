"""Ingest: takes what devices say from the broker into the database, and answers presses with receipts."""
