"""Responders: who can be asked."""
