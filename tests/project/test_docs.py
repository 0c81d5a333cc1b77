"""The documents that are derived from the code say what the code says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["slotrocks.conf", "commands.md", "differences.md", "migration.md"])
def test_a_generated_document_is_up_to_date(name: str) -> None:
    """On failure: make docs"""
    assert (DOCS / name).read_text() == load_generator().documents()[DOCS / name]


def test_a_missing_part_is_an_error() -> None:
    with pytest.raises(ValueError, match="no part 'diagram'"):
        load_generator().replace_part("a document without marks", "diagram", "")


LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(#[^)]*)?\)")


@pytest.mark.parametrize("document", [*ROOT.glob("*.md"), *DOCS.rglob("*.md")], ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    broken = [target for target, _ in LINK.findall(document.read_text()) if not (document.parent / target).exists()]
    assert not broken
