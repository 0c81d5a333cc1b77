"""What kvrocks-controller does with the texts of CLUSTER INFO and NODES (store/cluster_node.go, cluster.go, slot.go).

Rewritten from its behaviour. Whatever it can't read counts as a failed probe of the node, and enough of these end in a
failover: these functions raise then.
"""

import re


def controller_slot_range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    pair = int(first), int(last) if dash else int(first)
    assert re.fullmatch(r"\d+(-\d+)?", text) and 0 <= pair[0] <= pair[1] <= 16383
    return pair


def controller_reads_info(text: str) -> tuple[int, tuple[int, int] | None, str]:
    epoch, slots, state = -1, None, ""
    for line in text.split("\r\n"):
        fields = line.split(":")
        if len(fields) != 2:
            continue
        value = fields[1].strip()
        match fields[0].strip().lower():
            case "cluster_current_epoch":
                epoch = int(value)
            case "migrating_slot" | "migrating_slot(s)":
                slots = controller_slot_range(value)
            case "migrating_state":
                state = value
    return epoch, slots, state


def controller_reads_nodes(text: str) -> dict[str, tuple[str, str, int, list[tuple[int, int]]]]:
    nodes = {}
    for line in text.rstrip("\n").split("\n"):
        fields = line.split(" ")
        assert len(fields) >= 7
        role = fields[2].split(",")[1] if "," in fields[2] else fields[2]
        slots = [controller_slot_range(field) for field in fields[8:]] if role == "master" else []
        nodes[fields[0]] = (fields[1].split("@")[0], role, int(fields[6]), slots)
    return nodes
