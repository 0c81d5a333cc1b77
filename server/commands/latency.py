"""LATENCY (see server/latency.py)."""

from __future__ import annotations

from typing import Any

from slotrocks.engine import Verbatim
from slotrocks.server.errors import CommandError
from slotrocks.server.help_text import help_reply
from slotrocks.server.latency import graph
from slotrocks.server.session import Session
from slotrocks.server.table import command

ADMIN = "admin loading noscript stale"


@command("latency", arity=-2, group="server", since="2.8.13", summary="A container for latency diagnostics commands.",
         complexity="Depends on subcommand.")  # fmt: skip
def latency(s: Session, argv: list[bytes]) -> Any:
    raise AssertionError("a container is never called")


@command("latency|latest", arity=2, flags=ADMIN, group="server", since="2.8.13",
         summary="Returns the latest latency samples for all events.",
         differs="There is one event, command; Redis has several.")  # fmt: skip
def latest(s: Session, argv: list[bytes]) -> Any:
    return [[name, *event.samples[-1], event.max_ms] for name, event in s.node.latency.events.items()]


@command("latency|history", arity=3, flags=ADMIN, group="server", since="2.8.13",
         summary="Returns timestamp-latency samples for an event.")  # fmt: skip
def history(s: Session, argv: list[bytes]) -> Any:
    event = s.node.latency.events.get(argv[2].decode("latin-1"))
    return [] if event is None else list(event.samples)


@command("latency|reset", arity=-2, flags=ADMIN, group="server", since="2.8.13",
         summary="Resets the latency data for one or more events.")  # fmt: skip
def reset(s: Session, argv: list[bytes]) -> Any:
    return s.node.latency.reset([word.decode("latin-1") for word in argv[2:]])


@command("latency|graph", arity=3, flags=ADMIN, group="server", since="2.8.13",
         summary="Returns a latency graph for an event.")  # fmt: skip
def latency_graph(s: Session, argv: list[bytes]) -> Any:
    name = argv[2].decode("utf-8", "surrogateescape")
    event = s.node.latency.events.get(name)
    if event is None:
        raise CommandError(f"ERR No samples available for event '{name}'")
    return Verbatim("txt", graph(name, event, s.node.now_ms // 1000))


@command("latency|doctor", arity=2, flags=ADMIN, group="server", since="2.8.13",
         summary="Returns a human-readable latency analysis report.",
         differs="The numbers without advice.")  # fmt: skip
def doctor(s: Session, argv: list[bytes]) -> Any:
    return Verbatim("txt", s.node.latency.report())


@command("latency|histogram", arity=-2, flags=ADMIN, group="server", since="7.0.0",
         summary="Returns the cumulative distribution of latencies of a subset or all commands.",
         complexity="O(N) where N is the number of commands with latency information being retrieved.",
         differs="Always empty; INFO commandstats has the averages.")  # fmt: skip
def histogram(s: Session, argv: list[bytes]) -> Any:
    """Empty: histograms would cost every command, and INFO commandstats has the averages."""
    return {}


@command("latency|help", arity=2, flags="loading stale", group="server", since="2.8.13",
         summary="Returns helpful text about the different subcommands.")  # fmt: skip
def latency_help(s: Session, argv: list[bytes]) -> Any:
    return help_reply("latency", HELP)


HELP = """
    DOCTOR
        Return a human readable latency analysis report.
    GRAPH <event>
        Return an ASCII latency graph for the <event> class.
    HISTORY <event>
        Return time-latency samples for the <event> class.
    LATEST
        Return the latest latency samples for all events.
    RESET [<event> ...]
        Reset latency data of one or more <event> classes.
        (default: reset all data for all event classes)
    HISTOGRAM [COMMAND ...]
        Return an empty reply: this server keeps no latency histograms.
"""
