"""JupyterLab and a browser for the tests in this folder; run them with `pytest tests/browser`.

The server runs on a copy of the lessons without outputs, on a free port of this machine, with
settings of its own, so that nobody's JupyterLab is touched and nothing old is mistaken for new.
"""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SLICE = 1800  # pixels of a lesson per picture: more cannot be looked at
# Every cell in the page, not only those in sight; no question about news.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def pytest_addoption(parser):
    parser.addoption(
        "--screenshots",
        type=Path,
        help="keep a picture of every lesson here, not only of failures (in build/browser)",
    )


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium: Debian's, or whatever Playwright finds."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="the browser tests need playwright: pip install playwright"
    )
    names = ("chromium", "chromium-browser", "google-chrome")
    found = [path for name in names if (path := shutil.which(name))]
    if not found:
        pytest.skip("the browser tests need Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found[0], args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lessons(tmp_path_factory):
    """A working copy of the lessons as a learner gets it, and without any output."""
    folder = tmp_path_factory.mktemp("work")
    for path in (ROOT / "notebooks").iterdir():
        if path.suffix == ".ipynb":
            (folder / path.name).write_text(cleared(path), encoding="utf-8")
        elif path.is_dir() and not path.name.startswith("."):
            shutil.copytree(path, folder / path.name)
    return folder


def cleared(path):
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.writes(notebook)


@pytest.fixture(scope="session")
def jupyter(lessons, tmp_path_factory):
    """The address of a JupyterLab on the working copy, as a function of a file's name."""
    state = tmp_path_factory.mktemp("jupyter")
    for name, settings in SETTINGS.items():
        file = state / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    log = (state / "log").open("w+")
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={token}",
            f"--ServerApp.root_dir={lessons}",
        ],
        env=os.environ
        | {
            "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
            "JUPYTER_CONFIG_DIR": str(state / "config"),
            "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
            "PYTHONPATH": str(ROOT),
        },
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/status?token={token}", server, log)
        yield lambda name: f"http://127.0.0.1:{port}/lab/tree/{name}?reset&token={token}"
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def _wait_for(address, server, log):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.3)
    log.seek(0)
    pytest.fail(f"JupyterLab did not start:\n{log.read()[-3000:]}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.failed = report.failed
    return report


@pytest.fixture
def page(chromium, request):
    """A page 1280 pixels wide; what it shows at the end is kept if the test failed."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.said = []  # what the page complains about in its console
    page.on("pageerror", lambda error: page.said.append(str(error)))
    yield page
    folder = request.config.getoption("--screenshots")
    if getattr(request.node, "failed", True):
        folder = folder or ROOT / "build" / "browser"
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"\W+", "_", request.node.name.removeprefix("test_"))
        height = page.evaluate(
            "() => Array.from(document.querySelectorAll('.jp-Notebook .jp-Cell'))"
            ".reduce((sum, cell) => sum + cell.offsetHeight, 0)"
        )
        height = min(30_000, max(900, height + 200))
        page.set_viewport_size({"width": 1280, "height": height})
        page.locator(".jp-WindowedPanel-outer").evaluate_all("all => all.map(e => e.scrollTop = 0)")
        page.wait_for_timeout(500)
        for part, top in enumerate(range(0, height, SLICE), start=1):
            clip = {"x": 0, "y": top, "width": 1280, "height": min(SLICE, height - top)}
            page.screenshot(path=folder / f"{name}{part:02d}.png", clip=clip)
    context.close()
