"""How alerts change in the database: opened, joined, advanced, and what follows written in the same transaction."""
