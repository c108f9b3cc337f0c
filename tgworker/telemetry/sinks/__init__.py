"""Log lines on their way to a log store, beside the work and never in its way."""
