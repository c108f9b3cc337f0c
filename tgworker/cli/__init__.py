"""The command line: one module per command, which reads options, calls what does the work, and shows the outcome."""
