"""Twins of the ports that live in memory and behave like the real things."""
