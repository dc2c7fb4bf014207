"""What is shipped: in step, complete, and light to import."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tapelab
from tapelab import ready

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def flat(requirements):
    """Requirements with `tapelab[extra]` replaced by what the extra asks for."""
    for requirement in requirements:
        if own := re.fullmatch(r"tapelab\[(\w+)\]", requirement):
            yield from flat(EXTRAS[own[1]])
        else:
            yield requirement


def test_environment_yml_is_in_step_with_pyproject():
    yaml = pytest.importorskip("yaml")
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    # Other names on conda-forge:
    conda = {"dask": "dask-core", "igraph": "python-igraph", "matplotlib": "matplotlib-base"}
    expected = {"pip"}
    for requirement in [*PROJECT["dependencies"], *flat(EXTRAS["lab"])]:
        name, version = re.fullmatch(r"([\w-]+)(.*)", requirement).groups()
        expected.add(conda.get(name, name) + version)
    python, *packages, pip = environment["dependencies"]
    assert set(packages) == expected
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    tested = ci["jobs"]["run"]["strategy"]["matrix"]["python"]
    lowest = PROJECT["requires-python"].removeprefix(">=")
    assert lowest == tested[0] == ".".join(map(str, ready.OLDEST))
    assert python.removeprefix("python=") in tested
    assert pip == {"pip": ["-e ."]}
    assert environment["name"] == PROJECT["name"]


def test_the_extras_are_there_and_name_only_each_other():
    assert {"lab", "test", "bench", "parity", "dask", "dev"} <= set(EXTRAS)
    assert PROJECT["dependencies"] == ["numpy>=2"]
    for requirements in EXTRAS.values():
        assert list(flat(requirements))


def test_version():
    assert tapelab.__version__ == PROJECT["version"]


def test_import_needs_numpy_alone():
    program = """
import sys
def outside():
    return {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
import numpy.random  # brings module names of Cython along
before = outside()
import tapelab
print(*sorted(outside() - before - {"tapelab"}))
assert "tapelab" in sys.modules
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []
    assert result.stderr == ""


def test_without_numpy_it_says_what_to_install():
    command = [sys.executable, "-S", "-m", "tapelab.ready"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 1
    assert "python -m pip install 'numpy>=2'" in result.stderr.splitlines()[-1]


def test_import_works_where_nothing_but_numpy_is_installed(tmp_path):
    # -S leaves site-packages out, so that even a guarded import of something else fails.
    numpy = Path(sys.modules["numpy"].__file__).parents[1]
    for name in ("numpy", "numpy.libs"):
        if (numpy / name).exists():
            (tmp_path / name).symlink_to(numpy / name)
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]; import tapelab as tf; "
        "w = tf.Variable(3.0)\nwith tf.GradientTape() as tape: loss = w**2\n"
        "print(float(tape.gradient(loss, w)))"
    )
    result = subprocess.run(
        [sys.executable, "-S", "-c", program, str(ROOT), str(tmp_path)],
        capture_output=True, text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "6.0\n"


def test_importing_does_not_read_the_data():
    program = (
        "import sys; opened = []\n"
        "sys.addaudithook(lambda e, a: opened.append(str(a[0])) if e == 'open' else None)\n"
        "import tapelab\n"
        "print([name for name in opened if name.endswith('.gz')])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout == "[]\n"


def test_what_must_lie_inside_the_package():
    package = Path(tapelab.__file__).parent
    assert (package / "py.typed").is_file()
    data = package / "keras" / "datasets" / "data"
    assert len(list(data.glob("*-ubyte.gz"))) == 4
    for place in (data / "README.md", ROOT / "LICENSE"):
        text = " ".join(place.read_text(encoding="utf-8").split())
        assert "Yann LeCun and Corinna Cortes" in text and "CC BY-SA 3.0" in text


def test_the_examples_of_the_readme_print_what_it_says(tmp_path):
    readme = (ROOT / "README.md").read_text("utf-8")
    first, second = re.findall(r"```python\n(.*?)```", readme, re.S)
    [printed] = re.findall(r"```text\n(.*?)```", readme, re.S)
    commented = " ".join(re.findall(r"^print.*# (.*)$", first, re.M))
    for code, said in ((first, commented), (second, printed)):
        (tmp_path / "epochs.py").write_text(code, encoding="utf-8")
        result = subprocess.run(
            [sys.executable, "epochs.py"], capture_output=True, text=True, check=True,
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert result.stdout.split() == said.split()
        assert result.stderr == ""


def test_the_readme_links_to_what_exists():
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "README.md").read_text("utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


def shipped(root):
    """The files of the package, without what Python and JupyterLab leave there."""
    return {
        path.relative_to(root).as_posix()
        for path in (root / "tapelab").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
        and ".ipynb_checkpoints" not in path.parts
    }


def test_wheel_and_sdist_hold_the_whole_package(tmp_path):
    # In a process of its own: a build backend works in the current directory.
    pytest.importorskip("hatchling")
    import tarfile
    import zipfile

    program = (
        "import sys; from hatchling import build; "
        "print(build.build_wheel(sys.argv[1])); print(build.build_sdist(sys.argv[1]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )
    wheel, sdist = result.stdout.split()
    with zipfile.ZipFile(tmp_path / wheel) as archive:
        in_wheel = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = archive.read(f"tapelab-{PROJECT['version']}.dist-info/METADATA").decode()
    assert in_wheel == shipped(ROOT)
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert [line for line in required if "extra ==" not in line] == ["Requires-Dist: numpy>=2"]
    with tarfile.open(tmp_path / sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    assert shipped(ROOT) <= in_sdist
    assert {"pyproject.toml", "README.md", "LICENSE", "environment.yml", "Makefile"} <= in_sdist
    listed = (ROOT / "README.md").read_text("utf-8").partition("## What is where\n\n```\n")[2]
    for place in re.findall(r"^(\S+)", listed.partition("```")[0], re.M):
        assert any(name.startswith(place) for name in in_sdist), place


def test_the_readmes_figures_are_those_of_a_run_that_was_kept():
    """`make bench ARGS="--json benchmarks/results.json"` measures, `--report` prints the table."""
    command = [sys.executable, "-m", "benchmarks", "--report", "benchmarks/results.json"]
    table = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert table.strip() in (ROOT / "README.md").read_text(encoding="utf-8")
