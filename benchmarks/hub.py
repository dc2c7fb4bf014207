"""`python -m benchmarks.hub`: how many learners this machine serves, and how large a server must be.

Learners without a browser log in to a JupyterHub on 127.0.0.1, all at once, open a lesson and run
its cells together, in rounds of more and more learners. It runs the configuration in `workshop/`
with two differences that let anybody run it: everybody's server belongs to whoever runs this, and
any password will do. Rounds end when the slowest learner waits too long, or when the time is up.

The learners run on this machine too, so a server of their own would do slightly better.
"""

import argparse
import math
import os
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import requests

from tapelab import workcopy
from workshop.learner import Learner, Refused

from .__main__ import machine

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 10.0  # seconds: who waits longer for the first result believes that it hangs
ENTRANCE = 60.0  # seconds: who logs in sees a progress bar, and waits longer
MB, GB = 2**20, 2**30
CONFIG = """
load_subconfig("{root}/workshop/jupyterhub_config.py")
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{here}/{{username}}"
c.Spawner.args = ["--allow-root"]
c.Spawner.environment["JUPYTER_RUNTIME_DIR"] = lambda spawner: "{here}/run-" + spawner.user.name
c.Spawner.pre_spawn_hook = None
c.JupyterHub.hub_port = {hub}
c.JupyterHub.cleanup_servers = True
c.ConfigurableHTTPProxy.should_start = True
c.ConfigurableHTTPProxy.command = ["{proxy}"]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.pid_file = "{here}/proxy.pid"
"""


def free_ports(count):
    """Ports that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Hub:
    """A hub in a directory of its own; ends with the `with` block, and all servers with it."""

    def __init__(self, here, names, proxy):
        port, hub, api = free_ports(3)
        self.url, self.here = f"http://127.0.0.1:{port}", Path(here)
        (self.here / "users.txt").write_text("\n".join(names))
        (self.here / "config.py").write_text(
            CONFIG.format(root=ROOT, here=here, proxy=proxy, hub=hub, api=api)
        )
        for name in names:  # made beforehand: the disk is not what is measured here
            (self.here / name).mkdir()
            workcopy.update(ROOT / "notebooks", self.here / name / "work")
        settings = {"STATE": here, "USERS": f"{here}/users.txt", "URL": self.url}
        self.log = open(self.here / "log", "wb")
        self.process = psutil.Popen(
            [Path(sys.executable).with_name("jupyterhub"), "--config", f"{here}/config.py"],
            env=os.environ | {f"TAPELAB_{name}": value for name, value in settings.items()}
            | {"TAPELAB_SPAWNER": "process", "TAPELAB_LOGIN": "list"},
            stdout=self.log, stderr=self.log, cwd=here,
        )  # fmt: skip

    def __enter__(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                requests.get(f"{self.url}/hub/health", timeout=5).raise_for_status()
                return self
            except requests.RequestException:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    said = (self.here / "log").read_text(errors="replace")
                    raise SystemExit(f"The hub did not start:\n{said[-2000:]}") from None
                time.sleep(0.2)

    def __exit__(self, *_):
        family = [self.process]
        if self.process.is_running():
            family += self.process.children(recursive=True)
            self.process.terminate()
        _, alive = psutil.wait_procs(family, timeout=30)
        for process in alive:
            process.kill()
        self.log.close()

    def server_of(self, name):
        """A learner's server, and the kernels it started."""
        for process in self.process.children():
            if process.environ().get("JUPYTERHUB_USER") == name:
                return [process, *process.children(recursive=True)]
        raise ProcessLookupError(name)

    def own(self, names):
        """Hub, proxy and the hub's services."""
        servers = {p.pid for name in names for p in self.server_of(name)}
        everything = [self.process, *self.process.children(recursive=True)]
        return [p for p in everything if p.pid not in servers]


def cpu(processes):
    """Seconds of processor time so far."""
    return sum(sum(p.cpu_times()[:2]) for p in processes)


def memory(processes):
    """(proportional set size, resident set size): shared pages divided among, or counted by, all."""
    full = [p.memory_full_info() for p in processes]
    return sum(m.pss for m in full), sum(m.rss for m in full)


def attend(hub, name, lesson, together):
    """One learner's lesson: times in seconds, processor time and memory."""
    start = time.monotonic()
    learner = Learner(hub.url, name)
    learner.log_in("any")
    learner.start_server()
    got = {"server": time.monotonic() - start, "cpu server": cpu(hub.server_of(name))}
    together.wait()
    start, first = time.monotonic(), []

    def seen():
        if not first:
            first.append(time.monotonic() - start)
            got["cpu first"] = cpu(hub.server_of(name)) - got["cpu server"]

    path = f"work/{lesson}"
    cells = [c for c in learner.read(path)["content"]["cells"] if c["cell_type"] == "code"]
    with learner.open(path) as kernel:
        for cell in cells:
            try:
                shown = kernel.run(cell["source"])
            except Refused as error:
                if "raises-exception" not in cell["metadata"].get("tags", ()):
                    raise SystemExit(f"{lesson}: {error}") from None
                shown = str(error)
            if shown:
                seen()
        got |= {"first": first[0], "lesson": time.monotonic() - start}
        got["cpu lesson"] = cpu(hub.server_of(name)) - got["cpu server"]
        together.wait()  # every kernel still runs
        got["pss"], got["rss"] = memory(hub.server_of(name))
        together.wait()
    return got


def measure(count, lesson, proxy):
    """A round: what each of `count` learners got, and the memory of hub and proxy."""
    names = [f"learner{i + 1}" for i in range(count)]
    with tempfile.TemporaryDirectory(prefix="tapelab-hub-") as here, Hub(here, names, proxy) as hub:
        together = threading.Barrier(count, timeout=300)

        def one(name):
            try:
                return attend(hub, name, lesson, together)
            except BaseException:
                together.abort()  # nobody waits for who will not come
                raise

        with ThreadPoolExecutor(count) as room:
            everybody = [room.submit(one, name) for name in names]
        failed = [e for e in (f.exception() for f in everybody) if e]
        if failed:
            causes = [e for e in failed if not isinstance(e, threading.BrokenBarrierError)]
            raise (causes or failed)[0]
        return [f.result() for f in everybody], memory(hub.own(names))[0]


def line(rounds, key, cores):
    """(seconds for nobody, seconds more for each learner): how the slowest's wait grows.

    Fitted to the rounds, but never better than the processor time each learner needs.
    """
    waits = {len(results): max(got[key] for got in results) for results, _ in rounds}
    slope = statistics.median(got[f"cpu {key}"] for results, _ in rounds for got in results) / cores
    if len(waits) > 1:
        slope = max(slope, statistics.linear_regression(list(waits), list(waits.values())).slope)
    return max(0.0, statistics.mean(wait - slope * n for n, wait in waits.items())), slope


def sizes(learners, memory_of, lines, cores):
    """(cores, bytes, seconds to log in, to the first result, to the end) for a class that acts as one.

    `lines` as measured on `cores`; cores and memory as servers come, in powers of two.
    """
    own, each = memory_of
    size = 2 ** math.ceil(math.log2((1 * GB + own + 1.25 * learners * each) / GB)) * GB
    needed = 2
    while True:
        waits = [start + slope * learners * cores / needed for start, slope in lines]
        if needed >= 1024 or (waits[0] <= ENTRANCE and waits[1] <= LIMIT):
            return needed, size, *waits
        needed *= 2


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hub", description=__doc__)
    parser.add_argument("--learners", default="1,2,4", help="how many in each round, by commas")
    parser.add_argument("--seconds", type=float, default=300, help="no round begins after that")
    parser.add_argument("--lesson", default="02_gradient_tape.ipynb")
    args = parser.parse_args()
    counts = sorted({int(n) for n in args.learners.split(",")})
    if not 1 <= counts[0] <= counts[-1] <= 100:
        parser.error("between 1 and 100 learners, please: this is one machine")
    local = Path(sys.prefix) / "node_modules/.bin/configurable-http-proxy"
    proxy = shutil.which(str(local)) or shutil.which(local.name)
    if not proxy:
        sys.exit("The proxy is missing: npm install --prefix .venv configurable-http-proxy")
    about, begun = machine(), time.monotonic()
    cores = about["cores"]
    print(f"{about['date']}  {about['cpu']}, {cores} cores, Python {about['python']}; {args.lesson}")
    busy = os.getloadavg()[0]
    print(f"Before it began, {busy:.1f} other programs waited for these cores or ran on them.")
    print("Seconds are the slowest learner's, megabytes and CPU seconds the median learner's.\n")
    print("          server  first   lesson     memory: a learner     hub and   CPU of a learner: server,")
    print("learners  ready   result  finished   PSS        RSS        proxy     first result, lesson")
    rounds = []
    for count in counts:
        if time.monotonic() - begun > args.seconds:
            print(f"The time is up: no round of {count}.")
            break
        results, own = measure(count, args.lesson, proxy)
        rounds.append((results, own))
        slowest = {key: max(got[key] for got in results) for key in results[0]}
        middle = {key: statistics.median(got[key] for got in results) for key in results[0]}
        print(
            f"{count:8}  {slowest['server']:6.1f}  {slowest['first']:6.1f}  {slowest['lesson']:8.1f}"
            f"   {middle['pss'] / MB:6.0f} MB  {middle['rss'] / MB:6.0f} MB  {own / MB:6.0f} MB"
            f"  {middle['cpu server']:6.1f} s {middle['cpu first']:6.1f} s {middle['cpu lesson']:6.1f} s",
            flush=True,
        )  # fmt: skip
        if slowest["first"] > LIMIT:
            break
    answered = [len(r) for r, _ in rounds if max(got["first"] for got in r) <= LIMIT]
    most = f"{answered[-1]} learners" if answered else "nobody"
    print(f"\nThe first result took at most {LIMIT:.0f} s for {most}", end="")
    print("." if len(answered) == len(rounds) else f", and longer for {len(rounds[-1][0])}.")
    lines = [line(rounds, key, cores) for key in ("server", "first", "lesson")]
    start, slope = lines[1]
    print(
        f"A line through these rounds, {start:.1f} s + {slope:.2f} s for each learner who presses Run"
        f" at\nthe same moment, reaches {LIMIT:.0f} s at {int((LIMIT - start) / slope)} learners;"
        " slowest first result in seconds:"
    )
    for results, _ in rounds:
        waited = max(got["first"] for got in results)
        said = start + slope * len(results)
        print(f"  {len(results):3} learners: the line {said:5.1f}, measured {waited:5.1f}")
    print(
        "\nHow large a server: 1 GB for the system, hub and proxy, a quarter more than measured for"
        f"\neach learner, and cores so that all who log in at once are in within {ENTRANCE:.0f} s and "
        f"all who\npress Run at once have the first result within {LIMIT:.0f} s.\n\n"
        "                         all at once: the last\n"
        "learners  cores  memory  is in    has a result    has run the lesson"
    )
    largest, own = rounds[-1]
    memory_of = own, statistics.median(got["pss"] for got in largest)
    for learners in (10, 30, 100):
        needs, size, *waits = sizes(learners, memory_of, lines, cores)
        said = "".join(f"{wait:{width}.0f} s" for wait, width in zip(waits, (4, 12, 20)))
        print(f"{learners:8}  {needs:5}  {size / GB:3.0f} GB  {said}")


if __name__ == "__main__":
    main()
