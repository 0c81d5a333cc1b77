"""Sockets, commands, cluster, migration, configuration, command line: everything around the engine."""
