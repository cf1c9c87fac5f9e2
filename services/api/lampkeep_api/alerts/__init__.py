"""Alerts: lists, one alert, its timeline, the stream, and what operators do to them."""
