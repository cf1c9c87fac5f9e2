"""Ways to a person, each behind `lampkeep.ports.Channel`."""
