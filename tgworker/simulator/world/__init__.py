"""The world of the simulator: chats made from a seed, and the truth an archive of them is compared with."""

from tgworker.simulator.world.spec import SpecError, WorldSpec, parse_world, read_world
from tgworker.simulator.world.world import World, WorldChat

__all__ = ["SpecError", "World", "WorldChat", "WorldSpec", "parse_world", "read_world"]
