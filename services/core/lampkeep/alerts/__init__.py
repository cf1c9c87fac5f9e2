"""Alerts as rows: what dispatch and the API share in loading, changing and recording them."""
