"""Commands and events on Redis: redis-py's asyncio client, spoken to from trio."""
