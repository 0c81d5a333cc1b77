"""Bytes on disk and bytes on the wire: the storage engine, pure of sockets, event loops, clocks and configuration."""
