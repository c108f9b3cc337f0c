"""MTProto as a server speaks it, without any I/O: bytes and times go in, bytes and decisions come out.

``transports`` cut a byte stream into packets, ``handshake`` makes authorisation keys, ``cipher`` opens and closes
packets with them, ``session`` keeps the order of messages, and ``endpoint`` ties these together for one connection.

Source: https://core.telegram.org/mtproto
"""
