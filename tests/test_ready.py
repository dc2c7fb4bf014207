"""The report on the machine: each thing that can be wrong is found, and what to do is said."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from tapelab import ready

ROOT = Path(__file__).resolve().parents[1]


def test_a_machine_with_the_lab_is_ready(capsys):
    pytest.importorskip("jupyterlab")
    pytest.importorskip("psutil")
    ready.report()
    said = capsys.readouterr().out
    assert said.count("ok ") == len(ready.CHECKS)
    assert said.endswith("Everything is ready.\n")


def test_its_packages_are_those_of_the_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lab = {line.partition(">")[0] for line in extras["lab"] + extras["dask"]}
    spelled = {"PIL": "pillow"}
    assert {spelled.get(name, name) for name in ready.PACKAGES} == {
        name for name in lab if "[" not in name
    }


def _old_version(monkeypatch):
    monkeypatch.setattr(ready.metadata, "version", lambda name: "1.26.4")


def _damaged_digits(monkeypatch):
    def load_data():
        raise ValueError("train-images: the checksum is wrong. Reinstall tapelab.")

    monkeypatch.setattr(ready, "import_module", lambda name: SimpleNamespace(load_data=load_data))


BROKEN = {
    ready.python: (
        lambda m: m.setattr(ready.sys, "version_info", (3, 9, 2)),
        "this is 3.9.2; install a newer one",
    ),
    ready.numpy: (_old_version, "this is 1.26.4; run: python -m pip install --upgrade numpy"),
    ready.packages: (
        lambda m: m.setattr(ready, "PACKAGES", ("json", "no_such_package")),
        "no_such_package cannot be found; run: python -m pip install",
    ),
    ready.extensions: (
        lambda m: m.setattr("jupyter_core.paths.jupyter_path", lambda *parts: ["nowhere"]),
        "does not know @jupyter-widgets/jupyterlab-manager; run: python -m pip install",
    ),
    ready.pictures: (
        lambda m: m.setitem(sys.modules, "tapelab.widgets.figure", None),
        "ModuleNotFoundError",
    ),
    ready.digits: (_damaged_digits, "the checksum is wrong. Reinstall tapelab."),
    ready.memory: (
        lambda m: m.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=2e8)),
        "0.2 GB are free, 1 GB would be comfortable; close other programs",
    ),
    ready.gradient: (
        lambda m: m.setattr("tapelab.GradientTape.gradient", lambda *arguments: 5.0),
        "it gives 5.0 for x² at 3",
    ),
}


@pytest.mark.parametrize("check", ready.CHECKS, ids=lambda check: check.__name__)
def test_what_is_wrong_is_found_and_what_to_do_is_said(check, monkeypatch, capsys):
    pytest.importorskip("jupyterlab")
    pytest.importorskip("psutil")
    spoil, said = BROKEN[check]
    spoil(monkeypatch)
    monkeypatch.setattr(ready, "CHECKS", (check,))
    ready.report()
    line, _, summary = capsys.readouterr().out.splitlines()
    assert line.startswith(f"TO DO  {check.__doc__}: NO, ") and said in line
    assert summary == "1 of 1 checks asks for something: see TO DO."


def test_from_a_shell_the_exit_code_says_it(tmp_path):
    pytest.importorskip("jupyterlab")
    pytest.importorskip("psutil")
    command = [sys.executable, "-m", "tapelab.ready"]
    lost = {**os.environ, "PYTHONPATH": str(tmp_path)}
    (tmp_path / "psutil.py").write_text("raise ImportError('no psutil')")
    both = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=env)
        for env in (os.environ, lost)
    ]
    _, said = [run.communicate()[0] for run in both]
    assert [run.returncode for run in both] == [0, 1]
    assert "TO DO  There is enough free memory: NO, ImportError: no psutil" in said
