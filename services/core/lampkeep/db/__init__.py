"""Everything that talks to PostgreSQL or TimescaleDB in general: connections, named queries, migrations."""
