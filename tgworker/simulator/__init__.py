"""A Telegram server for tests and demonstrations: chats made from a seed, served over real MTProto."""

from tgworker.simulator.compose import Simulator, open_simulator

__all__ = ["Simulator", "open_simulator"]
