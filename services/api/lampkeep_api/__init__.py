"""The API: what operators and other programs see and do."""
