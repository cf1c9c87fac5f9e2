"""Homes: who lives there, which devices watch, how it is."""
