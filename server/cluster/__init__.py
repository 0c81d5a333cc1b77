"""The cluster as this node sees it: topology, slot ownership, redirection, and the texts that describe them.

Everything here is pure (no sockets, clocks or event loop) except `nodes_conf`, which keeps the topology in a file.
"""
