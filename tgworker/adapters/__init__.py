"""Fulfil the ports: Telegram, Redis and the archive on disk, and twins in memory for tests."""
