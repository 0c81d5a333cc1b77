"""The command ``slotrocks``: ``serve`` runs a node, ``demo`` shows a migration, ``torture`` tries to break some.

Exit status: 0 after a stop that was asked for, 1 when a node, the demo or a check failed, 2 when the command line or
the configuration is wrong, which one line on standard error explains.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from slotrocks.server import log
from slotrocks.server.config import Config
from slotrocks.server.config_file import load_file
from slotrocks.server.config_line import split_line
from slotrocks.server.errors import ConfigError
from slotrocks.server.options import OPTIONS, SECTIONS, Option

EXIT_USAGE = 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line: the usage of some forty options would bury the message."""
        self.exit(EXIT_USAGE, f"{self.prog}: {message} (try {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point of the console script; returns the exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        return {"serve": _serve, "demo": _demo, "torture": _torture}[parsed.command](parsed)
    except ConfigError as error:
        print(f"slotrocks {parsed.command}: {error}", file=sys.stderr)
        return EXIT_USAGE


def configure(file: str | None, flags: dict[str, list[str]]) -> tuple[Config, list[str]]:
    """The configuration from a file and from flags (option name -> values, in order), and warnings for the log.

    Raises ConfigError.
    """
    config = Config()
    warnings = load_file(config, file) if file is not None else []
    for name, values in flags.items():
        for value in values:
            try:
                words = split_line(value.encode("utf-8", "surrogateescape"))
                config.set_words(name, words if OPTIONS[name].kind.takes_words else [value])
            except ValueError as error:
                raise ConfigError(f"--{name}: {error}") from None
    return config, warnings


def _serve(parsed: argparse.Namespace) -> int:
    given = vars(parsed)
    config, warnings = configure(parsed.file, {name: given[name] for name in OPTIONS if given.get(name)})
    log.set_up(config)
    for warning in warnings:
        logging.getLogger(__name__).warning(warning)
    from slotrocks.server import node  # here, so that a wrong command line is told at once

    return node.run(config)


def _demo(parsed: argparse.Namespace) -> int:
    from slotrocks.server import demo

    return demo.run(parsed)


def _torture(parsed: argparse.Namespace) -> int:
    from slotrocks.server import torture

    return torture.run(parsed)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="slotrocks", description="A Redis-protocol server on RocksDB whose slots move between nodes.")
    parser.add_argument("--version", action="version", version=f"slotrocks {version('slotrocks')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_demo(commands)
    _add_torture(commands)
    return parser


def _add_serve(commands: "argparse._SubParsersAction[_Parser]") -> None:
    serve = commands.add_parser(
        "serve",
        help="run a node",
        usage="slotrocks serve [FILE] [--option value ...]",
        description="Runs a node until SIGTERM or SIGINT. Flags win over the file. A value of several words is one "
        'argument: --bind "127.0.0.1 ::1". docs/slotrocks.conf documents the options at length.',
        allow_abbrev=False,
    )
    serve.add_argument("file", nargs="?", metavar="FILE", help="configuration file, see docs/slotrocks.conf")
    group = serve.add_argument_group()
    for option in OPTIONS.values():
        if option.name in SECTIONS:
            group = serve.add_argument_group(SECTIONS[option.name])
        if not option.file_only:
            group.add_argument(
                f"--{option.name}",
                dest=option.name,
                action="append",
                metavar=option.kind.placeholder,
                help=_short_help(option),
            )


def _short_help(option: Option) -> str:
    first = option.help.partition(". ")[0].rstrip(".")
    return f"{first} (default: {' '.join(option.kind.words(option.default)) or 'empty'})".replace("%", "%%")


def _add_demo(commands: "argparse._SubParsersAction[_Parser]") -> None:
    demo = commands.add_parser(
        "demo",
        help="two nodes, live clients, and half of the slots moving from one node to the other",
        description="Starts two nodes on this machine, fills them, and migrates half of the slots while clients read "
        "and write. Checks that nothing was lost: exit status 0 says so.",
        allow_abbrev=False,
    )
    source = demo.add_mutually_exclusive_group()
    source.add_argument("--keys", type=_positive, metavar="N", help="generated keys instead of Python's own sources")
    source.add_argument("--input", metavar="FILE", help="the lines of this file as values")
    demo.add_argument("--keep", action="store_true", help="leave the cluster running and print how to connect")


def _add_torture(commands: "argparse._SubParsersAction[_Parser]") -> None:
    torture = commands.add_parser(
        "torture",
        help="slots moving at random among nodes that are killed, stopped and cut off; nothing may be lost",
        description="Starts nodes on this machine, moves slots among them while clients read and write, kills and "
        "stops processes and breaks links at random. Exit status 0: every acknowledged write is there, each slot has "
        "one owner, and nothing is left over.",
        allow_abbrev=False,
    )
    torture.add_argument("--minutes", type=float, required=True, metavar="M", help="how long, checks included")
    torture.add_argument("--seed", type=int, metavar="S", help="what is tried, and in which order (default: at random)")
    torture.add_argument("--nodes", type=_nodes, default=3, metavar="N", help="how many nodes (default: 3)")
    torture.add_argument(
        "--keep", action="store_true", help="leave the folders, with data and logs, also after success"
    )


def _nodes(text: str) -> int:
    value = int(text)
    if not 2 <= value <= 9:
        raise argparse.ArgumentTypeError(f"invalid value: '{text}', it must be 2 to 9")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"invalid value: '{text}'")
    return value
