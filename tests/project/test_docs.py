"""The documents that are derived from the code say what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["slotrocks.conf", "commands.md", "migration.md"])
def test_a_generated_document_is_up_to_date(name: str) -> None:
    """On failure: make docs"""
    assert (DOCS / name).read_text() == load_generator().documents()[DOCS / name]


def test_a_missing_part_is_an_error() -> None:
    with pytest.raises(ValueError, match="no part 'diagram'"):
        load_generator().replace_part("a document without marks", "diagram", "")
