"""Devices: what they are, and what their last signs of life were."""
