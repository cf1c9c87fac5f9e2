"""What Lampkeep knows in common: the pure domain, the contracts, the database. Not a process."""
