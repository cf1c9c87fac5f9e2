"""The device simulator: homes that live, devices that fail, loads that do not wait.

It stands where the hardware stands: it speaks the outside contract over a real broker and shares nothing else with the
services. It is not a test double inside them, and it imports none of them.
"""
