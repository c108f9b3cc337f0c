"""What decides: no trio, no I/O, no clock, no randomness. `now` and `rng` are arguments."""
