"""The queries of dispatch, by name."""

from lampkeep.db.queries import load

QUERIES = load("lampkeep_dispatch")
