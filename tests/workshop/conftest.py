"""A server for a class, of its own: accounts, homes and processes that only this test run sees.

The shipped configuration runs as on a server, as root and with real accounts, inside a private
view of this machine (Linux namespaces): /etc and closed directories above the checkout are
overlays, /home is a small disk in memory. When the tests end everything in it ends, the
servers too that are made to outlive the hub. All traffic stays on 127.0.0.1.
"""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # for workshop.learner, which is not installed

BIN = Path(sys.executable).parent
PROXIES = [BIN.parent / "node_modules/.bin/configurable-http-proxy", "configurable-http-proxy"]
NEED = "the hub's tests need "


def missing():
    """What keeps a hub from running here, or None."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return NEED + "Linux and root, who makes the accounts of a private view of this machine"
    for program in ("setpriv", "unshare", "nsenter", "useradd", "prlimit", "pgrep"):
        if not shutil.which(program):
            return NEED + f"the program {program}"
    if not (BIN / "jupyterhub").exists():
        return NEED + "JupyterHub: python -m pip install -r workshop/requirements.txt"
    if not proxy():
        return NEED + "the proxy: npm install --prefix .venv configurable-http-proxy"
    made = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True)
    return NEED + f"namespaces of their own: {made.stderr.strip()}" if made.returncode else None


def proxy():
    """The proxy's program, from this environment or from the search path."""
    return next((p for p in map(shutil.which, map(str, PROXIES)) if p), None)


# Everything inside ends with its first process, that with unshare, and that with the tests.
UNSHARE = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork",
           "--kill-child", "--mount-proc"]  # fmt: skip
# Overlays leave the machine's own /etc as it is; a directory closed to others above the
# interpreter or the checkout (/root, often) is opened in the overlay alone.
VIEW = """
set -e
mount -t tmpfs -o mode=711 tmpfs /mnt
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755,size=64m tmpfs /home
for closed in /etc "$@"; do
    mkdir -p "/mnt/over$closed" "/mnt/work$closed"
    mount -t overlay -o "lowerdir=$closed,upperdir=/mnt/over$closed,workdir=/mnt/work$closed" \
        tmpfs "$closed"
    chmod a+x "$closed"
done
echo ready
while sleep 1; do :; done  # as the first of all processes this shell also buries the orphans
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Classroom:
    """The view, the proxy and the hub in it, and the learners' passwords."""

    def __init__(self, logs):
        self.logs = logs
        inside = {Path(p).absolute() for p in (ROOT, sys.prefix, sys.base_prefix)}
        inside |= {Path(p).resolve() for p in (ROOT, sys.executable)}
        above = {directory for path in inside for directory in path.parents}
        closed = [d for d in sorted(above) if not d.stat().st_mode & 0o001]
        self.view = subprocess.Popen(
            [*UNSHARE, "sh", "-c", VIEW, "sh", *map(str, closed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = self.view.stdout.readline()
        if said != "ready\n":
            self.view.kill()
            pytest.skip(NEED + f"overlays in a namespace of their own: {said.strip()}")
        children = Path(f"/proc/{self.view.pid}/task/{self.view.pid}/children").read_text()
        self.pid = int(children.split()[0])
        self.root = Path(f"/proc/{self.pid}/root")
        self.home, self.lessons = self.root / "home", self.root / "mnt/lessons"
        shutil.copytree(ROOT / "notebooks", self.lessons)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.hub_port, self.api_port = free_port(), free_port()
        self.environment = os.environ | {
            "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(),
            "TAPELAB_USERS": "/mnt/users.txt",
            "TAPELAB_STATE": "/mnt/state",
            "TAPELAB_LESSONS": "/mnt/lessons",
            "TAPELAB_URL": self.url,
            "TAPELAB_SPAWNER": "process",
        }
        self.passwords, self.started = {}, []

    def command(self, *words):
        """The command line that runs `words` inside the view."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--", *map(str, words)]

    def run(self, *words):
        """Runs a program inside the view and returns what it prints."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=True)
        return done.stdout

    def enrol(self, *names):
        (self.root / "mnt/users.txt").write_text("# the class\n" + "\n".join(names) + "\n")
        printed = self.run(ROOT / "workshop/add_users", "/mnt/users.txt")
        self.passwords |= dict(line.split() for line in printed.splitlines())
        return printed

    def start(self, name, *words, **settings):
        with open(self.logs / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                self.command(*words), stdout=log, stderr=log, env=self.environment | settings
            )
        self.started.append(process)
        return process

    def start_proxy(self):
        port = self.url.rpartition(":")[2]
        hub = f"http://127.0.0.1:{self.hub_port}"
        self.proxy = self.start(
            "proxy",
            *(proxy(), "--ip", "127.0.0.1", "--port", port),
            *("--api-ip", "127.0.0.1", "--api-port", self.api_port),
            *("--default-target", hub, "--error-target", f"{hub}/hub/error"),
        )

    def start_hub(self, **settings):
        import requests

        self.hub = self.start(
            "hub",
            *(BIN / "jupyterhub", "--config", ROOT / "workshop/jupyterhub_config.py"),
            f"--JupyterHub.hub_port={self.hub_port}",
            f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{self.api_port}",
            **settings,
        )
        deadline = time.monotonic() + 300
        while True:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/hub/health", timeout=5).ok:
                    return
            if self.hub.poll() is not None or time.monotonic() > deadline:
                pytest.fail("the hub did not start:\n" + self.log("hub"))
            time.sleep(0.2)

    def kill_hub(self):
        """As a crash does, without a word of farewell; systemd would end its services too."""
        self.run("pkill", "-KILL", "-f", "bin/jupyterhub |jupyterhub_idle_culler")
        self.hub.wait()

    def log(self, name):
        return (self.logs / f"{name}.log").read_text(errors="replace")[-4000:]

    def learner(self, name):
        """Somebody who has logged in and whose server runs."""
        from workshop.learner import Learner

        one = Learner(self.url, name)
        one.log_in(self.passwords[name])
        one.start_server()
        return one


@pytest.fixture(scope="session")
def classroom(tmp_path_factory):
    if reason := missing():
        pytest.skip(reason)
    made = Classroom(tmp_path_factory.mktemp("workshop"))
    try:
        made.enrol("ada", "grace")
        made.start_proxy()
        made.start_hub()
        yield made
    finally:
        made.view.kill()  # and with it every process inside
        for process in (made.view, *made.started):
            process.wait()
