"""Escalation policies."""
