"""Build of the one compiled module, ``slotrocks.engine._engine``.

Everything else about the distribution is in pyproject.toml. The ``.pyx`` file includes its parts
(``*.pxi``), so the parts are listed as dependencies: editing one rebuilds the module.

``SLOTROCKS_DEBUG=1`` builds with bounds checks, assertions and no optimisation; switching between
the two needs ``build_ext --force``.
"""

import os
from glob import glob

from setuptools import Extension, setup

# setuptools has to come before what imports distutils:
# isort: split
from Cython.Distutils import build_ext

DEBUG = os.environ.get("SLOTROCKS_DEBUG") == "1"

engine = Extension(
    "slotrocks.engine._engine",
    sources=["engine/_engine.pyx"],
    depends=sorted(glob("engine/*.pxi")),
    extra_compile_args=["-O0", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-DNDEBUG"],
)
engine.cython_directives = {
    "language_level": "3",
    "embedsignature": True,
    "boundscheck": DEBUG,
    "wraparound": False,
    "cdivision": True,
    "auto_pickle": False,
    "autotestdict": False,
}

setup(ext_modules=[engine], cmdclass={"build_ext": build_ext})
