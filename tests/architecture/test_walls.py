"""Which room of the house may know which: the contracts of pyproject.toml, and that they see all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.commands import lint_imports, need

ROOT = Path(__file__).parents[2]


def test_all_contracts_are_kept() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_kernels_behind_their_link_are_seen() -> None:
    need("grimp")
    import grimp

    modules = grimp.build_graph("npusim", cache_dir=None).modules
    files = {path.relative_to(ROOT / "kernels") for path in (ROOT / "kernels").rglob("*.py")}
    names = {
        ".".join(("npusim.kernels", *path.with_suffix("").parts)).removesuffix(".__init__") for path in files
    }
    assert len(names) > 10
    assert names <= modules


BREACHES = {
    "spec": ("npusim/spec/width.py", "import npusim.errors"),
    "kernels": ("kernels/geometry.py", "import npusim.model"),
    "files": ("npusim/files/digest.py", "import npusim.kernels.isa"),
    "datapath": ("npusim/datapath/changes.py", "import npusim.steps"),
    "steps": ("npusim/steps/fields.py", "import npusim.layers"),
    "layers": ("npusim/layers/add.py", "import npusim.kernels.ops"),
    "simulator": ("npusim/simulator.py", "import npusim.network"),
    "reference": ("npusim/reference.py", "import npusim.simulator"),
    "compiler": ("npusim/compiler/base.py", "import npusim.statistics"),
    "cli": ("npusim/compiler/base.py", "import npusim.cli"),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_found(breach: str, copied_tree: Path) -> None:
    name, line = BREACHES[breach]
    file = copied_tree / name
    file.write_text(f"{file.read_text()}\n{line}\n")
    done = lint_imports(copied_tree)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout, done.stdout + done.stderr
