"""The end of the demo: what moved, what the clients noticed, and what the proof found."""

from __future__ import annotations

from slotrocks.server.demo.live import LiveClients
from slotrocks.server.demo.measure import Measurements, Phase
from slotrocks.server.demo.migration import Progress
from slotrocks.server.demo.proof import Proof
from slotrocks.server.demo.screen import Screen, megabytes, milliseconds


def report_migration(screen: Screen, progress: Progress, proof: Proof) -> None:
    """What the source tells of the migration, and where the keys are now."""
    rows = [
        ["keys moved", f"{proof.keys['B']:,}"],
        ["keys that stayed", f"{proof.keys['A']:,}"],
        ["data sent", megabytes(progress.bytes)],
        ["time", f"{progress.elapsed_s:.2f} s"],
        ["rate", f"{progress.keys_per_s:,.0f} keys/s, {megabytes(progress.bytes_per_s)}/s"],
        ["writes held for the hand-over", milliseconds(progress.pause_ms / 1000)],
    ]
    screen.table(["The migration", ""], rows)


def report_clients(screen: Screen, clients: LiveClients) -> None:
    """What the clients saw, before, during and after."""
    of = clients.measurements
    rows = [
        ["requests", *(f"{of.requests[phase]:,}" for phase in Phase)],
        ["p50", *(milliseconds(of.percentile_s(phase, 50)) for phase in Phase)],
        ["p99", *(milliseconds(of.percentile_s(phase, 99)) for phase in Phase)],
        ["longest pause of a client", *(milliseconds(of.longest_s(phase)) for phase in Phase)],
        ["errors", *(f"{of.error_count(phase):,}" for phase in Phase)],
    ]
    screen.table(["The clients", *(phase.value for phase in Phase)], rows)
    _explain_errors(screen, of)
    most = max(client.redirections for client in clients.clients)
    screen.line(f"MOVED replies: {most} at most to any client.")


def _explain_errors(screen: Screen, of: Measurements) -> None:
    for phase in Phase:
        for text, count in of.errors[phase].most_common():
            screen.line(f"    {phase.value}: {count:,} x {text}", style="red")


def report_proof(screen: Screen, proof: Proof, progress: Progress) -> None:
    """The verdict."""
    if progress.state != "success":
        screen.line(
            f"The migration failed: {progress.error or 'no reason given'}. All slots are still A's.", style="bold red"
        )
    if proof.holds:
        where = "Each is on the node that owns its slot and on no other"
        screen.line(f"Proved: {proof.checked:,} keys. {where}, and nothing was lost or changed.", style="bold green")
        return
    faults = ", ".join(f"{count:,} {kind}" for kind, count in proof.faults.items()) or "nothing was checked"
    screen.line(f"The proof FAILED: {faults}.", style="bold red")
    for example in proof.examples:
        screen.line(f"    {example}", style="red")
