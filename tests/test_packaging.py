"""What surrounds the packages: type markers, citation, and hooks that run what `make lint` runs."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from nas.extras import EXTRAS

ROOT = Path(__file__).parent.parent
MODULES = {
    "scikit-learn": "sklearn",
    "ray[tune]": "ray",
    "markdown-it-py": "markdown_it",
    "psycopg[binary]": "psycopg",
}  # others: by their name
OF_DEVELOPERS = {"dev", "docs"}  # extras that no command needs
LOADING = {"click", "filelock", "numpy", "pillow", "pydantic", "rich", "safetensors", "torch"}
BARE = """
import sys
from importlib.machinery import PathFinder
class Hidden(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {missing} else super().find_spec(name, path, target)
sys.meta_path = [Hidden if finder is PathFinder else finder for finder in sys.meta_path]
"""
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("package", ["nas", "distill", "search_spaces"])
def test_every_package_ships_the_marker_of_its_types(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
    assert "py.typed" in PYPROJECT["tool"]["setuptools"]["package-data"][package]


def test_pre_commit_runs_the_commands_of_make_lint() -> None:
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert recipe is not None
    commands = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in configuration["repos"] for hook in repository["hooks"]]
    assert [hook["entry"] for hook in hooks] == commands
    assert not any(hook["pass_filenames"] for hook in hooks)


def test_the_citation_names_the_version_and_licence_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PYPROJECT["project"]["version"]
    assert citation["license"] == PYPROJECT["project"]["license"]
    assert citation["authors"] == PYPROJECT["project"]["authors"]


def test_make_setup_says_what_takes_long_and_what_is_next(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nmkdir -p .venv/bin; ln -sf /bin/true .venv/bin/pip\n")  # installs nothing
    python.chmod(0o755)
    # make marks its children in the environment; a make that finds the mark also says which folder it is in
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    command = ["make", f"PYTHON={python}", "setup"]
    made = [
        subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for _ in range(2)
    ]
    assert [line.partition(":")[0] for line in made[0]] == ["Setting up .venv", "Set up", "Next"]
    assert made[1] == made[0][-1:]


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (targets,) = re.findall(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    listed = re.findall(r'@echo "make (\w+) ', makefile)
    assert set(listed) == set(targets.split()) - {"help"}


@pytest.mark.parametrize(
    "page", [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"], ids=lambda page: page.name
)
def test_documentation_installs_extras_from_the_clone(page: Path) -> None:
    """No such distribution is published: `pip install nas-students[onnx]` would find nothing."""
    for line in re.findall(r"pip install ([^`\n]*)", page.read_text()):
        assert not line.strip("'\"").startswith("nas"), line
        for extra in re.findall(r"\.\[([\w,]+)\]", line):
            assert set(extra.split(",")) <= set(PYPROJECT["project"]["optional-dependencies"])


def requirements(lines: list[str]) -> set[str]:
    """Names of distributions, without their versions."""
    return {re.split(r"[<>=]", line)[0] for line in lines}


def bare(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`script` where no extra is installed."""
    missing = {module for modules in EXTRAS.values() for module in modules}
    command = [sys.executable, "-c", BARE.format(missing=missing) + script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_extras_have_the_modules_of_their_requirements() -> None:
    project = PYPROJECT["project"]
    assert requirements(project["dependencies"]) == LOADING
    assert {
        extra: {MODULES.get(name, name).replace("-", "_") for name in requirements(lines)}
        for extra, lines in project["optional-dependencies"].items()
        if extra not in OF_DEVELOPERS
    } == {extra: set(modules) for extra, modules in EXTRAS.items()}


def test_make_installs_every_extra_but_converters_for_phones() -> None:
    installed = re.search(r"-e '\.\[(.*)\]'", (ROOT / "Makefile").read_text())
    assert installed is not None
    converters = {"litert", "coreml"}  # of hundreds of MB, for formats that few need
    assert set(installed[1].split(",")) == {*EXTRAS, *OF_DEVELOPERS} - converters


def test_a_student_is_loaded_and_sampled_without_any_extra(teacher_file: Path, tmp_path: Path) -> None:
    load = "import nas; s = nas.load_student(sys.argv[1]); print(tuple(s(*s.example_inputs(2)).shape))"
    done = bare(load, str(teacher_file))
    assert (done.stdout, done.stderr) == ("(2, 1, 16, 16)\n", "")
    sample = "from nas.cli.sample import main; main()"
    grid = tmp_path / "grid.png"
    done = bare(sample, str(teacher_file), "-o", str(grid), "--count", "4")
    assert (done.returncode, done.stderr) == (0, "")
    assert grid.stat().st_size


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("search", ["--budget-macs", "2M", "--dry-run"]),
        ("search", ["--budget-macs", "2M"]),
        ("report", []),
        ("dashboard", []),
        ("export", ["-o", "s.safetensors"]),
        ("distill", []),
        ("evaluate", ["s.safetensors"]),
        ("teacher", ["info", "s.safetensors"]),
    ],
)
def test_a_command_names_the_extra_that_it_misses_in_a_line(
    command: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if "-o" not in arguments:
        (tmp_path / "s.safetensors").touch()  # a missing file is named before
    run = f"sys.argv[0] = 'nas-{command}'; from nas.cli.{command} import main; main()"
    done = bare(run, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    fix = r"pip install '\.\[search\]' in a clone of the project"
    assert re.fullmatch(rf"nas-{command}: the package \w+ is not installed: {fix}\n", done.stderr)
    assert bare(run, "--help").returncode == 0


def test_the_python_interface_names_the_extra_that_it_misses() -> None:
    done = bare("import nas\ntry: nas.search\nexcept ImportError as error: print(error)")
    assert "nas.search: the package" in done.stdout
    assert "pip install '.[search]'" in done.stdout
