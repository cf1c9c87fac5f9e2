"""Rosters: who is on duty."""
