"""Every message of chosen Telegram chats, one file a day."""

__version__ = "0.1.0"
