"""Whether the API lives, can work, and what it counts."""
