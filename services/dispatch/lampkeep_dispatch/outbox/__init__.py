"""The outbox: notifications that are due go to people, channel by channel, until they have arrived."""
