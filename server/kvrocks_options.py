"""Options of Kvrocks that a Slotrocks node accepts in its file and ignores, so that a kvrocks.conf starts it.

The rule: ignored, with a warning in the log, is what only concerns speed, house-keeping or a part that Slotrocks does
not have, as long as nobody is worse off who relied on it. An option on which somebody's data or safety may depend is
accepted only with the value that means what Slotrocks does anyway, and refused otherwise. All that is not named here
(``tls-port``, ``slaveof``, ``namespace.*``, ``unixsocket`` …) is an unknown option: an error.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

_IGNORED = (
    "workers",
    "pidfile",
    "db-name",
    "log-dir",
    "log-level",
    "log-retention-days",
    "backup-dir",
    "max-backup-*",
    "purge-backup-on-fullsync",
    "bgsave-cron",
    "compact-cron",
    "compaction-checker-*",
    "force-compact-*",
    "dbsize-scan-cron",
    "max-io-mb",
    "max-replication-mb",
    "master-use-repl-port",
    "use-rsid-psync",
    "fullsync-*",
    "replication-*",
    "replica-*",
    "slave-*",
    "profiling-*",
    "slowlog-dump-logfile-level",
    "histogram-bucket-boundaries",
    "max-bitmap-to-string-mb",
    "json-*",
    "redis-cursor-compatible",
    "resp3-enabled",
    "txn-context-enabled",
    "enable-blob-cache",
    "skip-block-cache-deallocation-on-close",
    "rocksdb.*",
)
_ONLY_WITH = {
    "daemonize": "no",
    "supervised": "no",
    "max-db-size": "0",
    "redis-databases": "0",
    "repl-namespace-enabled": "no",
    "rocksdb.write_options.sync": "no",
}


def is_ignored(name: str, words: Sequence[str]) -> bool:
    """Whether a node ignores this line of a kvrocks.conf. `name` is in lower case and not one of our options.

    Raises ValueError if it knows the option but cannot do what these words ask for.
    """
    accepted = _ONLY_WITH.get(name)
    if accepted is not None:
        if [word.lower() for word in words] != [accepted]:
            hint = ", use appendfsync always" if name == "rocksdb.write_options.sync" else ""
            raise ValueError(f"'{name}' is supported only with the value '{accepted}'{hint}")
        return True
    return any(fnmatchcase(name, pattern) for pattern in _IGNORED)
