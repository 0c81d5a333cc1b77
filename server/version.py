"""What this server says about its version."""

from importlib.metadata import version

# What clients see: the Redis whose commands, replies and error texts these are.
REDIS_VERSION = "7.2.4"
VERSION = version("slotrocks")
