"""The database and the broker that `lampkeep up` brings along, and how their processes are tied to ours."""
