"""What an installation must contain: every package of the source tree, its data files, and nothing else.

An editable install hides what is missing here, so the lists in pyproject.toml are compared with the folders, and the
files of an installed wheel (when it is one that is being tested) with those of the checkout.
"""

from __future__ import annotations

import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]
FOLDERS = SETUPTOOLS["package-dir"]
BUILD_INPUTS = {".pyx", ".pxi", ".c"}  # in the sdist only


def source_files() -> dict[str, Path]:
    """Installed path -> file of the checkout, for all that belongs to a package."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix not in BUILD_INPUTS | {".so"}:
                relative = path.relative_to(ROOT / folder).as_posix()
                found[f"{package.replace('.', '/')}/{relative}"] = path
    return found


def test_every_folder_with_modules_is_listed_as_a_package() -> None:
    folders = {str(Path(path).parent).replace("/", ".") for path in source_files() if path.endswith(".py")}
    assert sorted(folders) == SETUPTOOLS["packages"]


@pytest.mark.parametrize("package", SETUPTOOLS["packages"])
def test_every_package_says_what_it_is(package: str) -> None:
    top, _, rest = package.removeprefix("slotrocks.").partition(".")
    init = ROOT / top / rest.replace(".", "/") / "__init__.py"
    assert init.read_text().startswith('"""'), f"{init} has no docstring"


def test_every_data_file_is_declared() -> None:
    declared = {
        f"{package.replace('.', '/')}/{path.relative_to(ROOT / FOLDERS[package])}"
        for package, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
        for path in (ROOT / FOLDERS[package]).glob(pattern)
    }
    assert declared == {path for path in source_files() if not path.endswith(".py")}


def test_an_installed_wheel_is_complete_and_has_nothing_else() -> None:
    # A build leaves an egg-info folder in the checkout, which is no installation: that has a RECORD.
    found = next(each for each in distributions(name="slotrocks") if each.read_text("RECORD"))
    files = [str(file) for file in found.files or ()]
    installed = {file for file in files if ".dist-info/" not in file and "__pycache__" not in file}
    installed -= {file for file in installed if file.startswith("../")}  # the console script
    if any(file.startswith("__editable__") for file in installed):
        assert all(file.startswith("__editable__") for file in installed)
        return
    extension = {file for file in installed if file.startswith("slotrocks/engine/_engine.") and file.endswith(".so")}
    assert len(extension) == 1
    assert installed - extension == set(source_files())
