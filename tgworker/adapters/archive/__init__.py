"""The archive on disk: a folder a chat, a file a day."""

from tgworker.adapters.archive.archive import DiskArchive, open_archive

__all__ = ["DiskArchive", "open_archive"]
