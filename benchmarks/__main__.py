"""`python -m benchmarks [names]`: measure, print the table, keep the figures as JSON and a picture."""

import argparse
import json
import os
import platform
import time

import numpy as np

from . import distributed, fast_paths, harness, jacobians, mnist, peers, processes, tape


def machine():
    """What ran this: date, processor class, cores, versions."""
    cpu = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as f:
            cpu = next(
                (line.split(":")[1].strip() for line in f if line.startswith("model name")), cpu
            )
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": cpu,
        "cores": cores,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "peers": peers.installed(),
    }


def picture(results, path):
    """Ratios of tapelab's time to each contender's, one group of bars per workload."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = sorted({r.contender for r in results if r.contender != "tapelab"})
    works = list(dict.fromkeys(r.workload for r in results))
    colours = [
        "#0072B2",
        "#E69F00",
        "#009E73",
        "#D55E00",
        "#CC79A7",
        "#56B4E9",
        "#F0E442",
        "#000000",
    ]
    fig, ax = plt.subplots(figsize=(9, 0.9 + 0.55 * len(works)), layout="constrained")
    for i, name in enumerate(names):
        at = [(works.index(r.workload), r.ratio) for r in results if r.contender == name]
        ax.scatter(
            [v for _, v in at],
            [k for k, _ in at],
            label=name,
            color=colours[i % 8],
            marker="osD^vPX*"[i % 8],
            s=50,
        )
    ax.axvline(1, color="black", linewidth=1)
    ax.set(
        xscale="log",
        xlabel="tapelab's time / contender's time (left of the line tapelab is faster)",
        yticks=range(len(works)),
    )
    ax.set_yticklabels(works)
    ax.invert_yaxis()
    ax.legend(fontsize=8, bbox_to_anchor=(1.01, 1), loc="upper left")
    fig.savefig(path, dpi=120)
    plt.close(fig)


def main():
    """Run what the command line asks for."""
    modules = (tape, mnist, jacobians, distributed, fast_paths)
    works = {w.__name__: w for m in modules for w in m.WORKLOADS}
    texts = {w.__name__: w for m in modules for w in m.REPORTS}
    available = works | texts
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help=f"which ones: {', '.join(available)} (default: all)"
    )
    parser.add_argument("--rounds", type=int, help="most rounds for each contender")
    parser.add_argument(
        "--peers",
        default=",".join(peers.NAMES),
        help="peers to compare with, by commas ('' for none)",
    )
    parser.add_argument("--json", default="build/bench.json", help="where the figures go")
    parser.add_argument(
        "--picture", default="build/bench.png", help="where the picture goes ('' for none)"
    )
    parser.add_argument("--report", help="print the README's table from this JSON, measure nothing")
    args = parser.parse_args()
    if args.report:
        with open(args.report, encoding="utf-8") as f:
            print(harness.markdown(json.load(f)))
        return
    unknown = set(args.names) - set(available)
    if unknown:
        parser.error(f"no benchmark called {', '.join(sorted(unknown))}")
    peers.allowed.intersection_update(args.peers.split(","))
    about = machine()
    print(
        f"{about['date']}  {about['cpu']}, {about['cores']} cores, Python {about['python']}, NumPy "
        f"{about['numpy']}"
    )
    print(
        "peers: " + (", ".join(f"{n} {v}" for n, v in about["peers"].items()) or "none installed"),
        flush=True,
    )
    results, reports = [], {}
    for name in args.names or available:
        if name in texts:
            reports[name] = texts[name]()
            print("\n" + reports[name], flush=True)
            continue
        with processes.workloads(works[name]) as made:
            for workload in made:
                found = harness.measure(workload, args.rounds)
                results += found
                print("\n" + harness.table(workload, found), flush=True)
    for path in (args.json, args.picture):
        if path:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(args.json, "w", encoding="utf-8") as f:
        json.dump(harness.as_json(about, results, reports), f, indent=1)
    if args.picture and results:
        try:
            picture(results, args.picture)
        except ImportError:
            print("(no picture: matplotlib is not installed)")
    missed = [r for r in results if r.target is not None and r.ratio > r.target]
    print(
        f"\n{len(missed)} of {sum(r.target is not None for r in results)} targets not reached"
        + "".join(
            f"\n  {r.workload} / {r.contender}: {r.ratio:.3g}, wanted <= {r.target:.3g}"
            for r in missed
        )
    )


if __name__ == "__main__":
    main()
