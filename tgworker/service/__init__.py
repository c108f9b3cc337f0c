"""What lives: the tasks of the worker, which see the world through ports only."""
