"""The pure core: values in, decisions out. Standard library only; no clock, no I/O."""
