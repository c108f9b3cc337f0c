"""Chats of a world that come from exports of Telegram Desktop."""

from tgworker.simulator.exports.load import ExportFile, Loaded, load_exports
from tgworker.simulator.exports.scan import ExportError

__all__ = ["ExportError", "ExportFile", "Loaded", "load_exports"]
