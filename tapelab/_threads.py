"""A few threads for NumPy work that BLAS does not spread by itself, and memory they can reuse."""

import functools
import math
import os
import threading

import numpy as np


def _usable_cores():
    told = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if told.isdigit() and int(told):  # as BLAS; several workers on one machine set it
        return int(told)
    if hasattr(os, "sched_getaffinity"):  # respects taskset and containers; Linux only
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


_threads = _usable_cores()
_local = threading.local()


def set_threads(n=None):
    """Let a convolution use ``n`` threads; None: as many as OMP_NUM_THREADS says, or usable cores.

    Products large enough for BLAS to spread over its own threads are left to BLAS, whose number
    of threads is not touched (the environment variable OPENBLAS_NUM_THREADS sets it).
    """
    global _threads
    try:
        n = _usable_cores() if n is None else int(n)
    except (TypeError, ValueError) as e:
        raise type(e)(f"set_threads: the number of threads must be an integer, not {n!r}") from None
    if n < 1:
        raise ValueError(f"set_threads: the number of threads must be at least 1, not {n}")
    _threads = n


def get_threads():
    """Number of threads a convolution may use."""
    return _threads


def parallel(task, arguments, threads):
    """``[task(*a) for a in arguments]`` on several threads: NumPy's loops release the lock.

    A bare queue: concurrent.futures would make an object with a lock of its own for every block.
    """
    helpers = min(threads, len(arguments)) - 1
    if helpers < 1:
        return [task(*a) for a in arguments]
    import queue  # here: `import tapelab` should not wait for it

    results = [None] * len(arguments)
    todo, done = [*enumerate(arguments)], queue.SimpleQueue()

    def work():
        while True:
            try:
                i, a = todo.pop()  # atomic: whoever is free takes the next block
            except IndexError:
                return
            error = None
            try:
                results[i] = task(*a)
            except BaseException as e:  # Ctrl-C too: raised below, when no block is running
                error = e
            done.put(error)

    with _starting:
        if not _jobs:
            _jobs.append(queue.SimpleQueue())
        while len(_helpers) < helpers:
            _helpers.append(threading.Thread(target=_help, args=_jobs, name="tapelab", daemon=True))
            _helpers[-1].start()
    try:
        elsewhere = _stay()
        for _ in range(helpers):
            _jobs[0].put((work, elsewhere))
        work()
        errors = [done.get() for _ in arguments]
    finally:
        _roam()
    for error in errors:
        if error is not None:
            raise error
    return results


def _help(jobs):
    at = None
    while True:
        work, elsewhere = jobs.get()
        if elsewhere and elsewhere != at and _move(elsewhere):
            at = elsewhere
        work()
        del work  # and all that it holds, while this thread waits


# Linux wakes a thread on the core of the one that wakes it, unless its own is idle; and in a virtual
# machine a core that has slept does not look idle, but taken away. So after a pause all threads of a
# convolution share one core for a while (`python -m benchmarks fast_paths`). Hence the caller stays
# where it is as long as others work for it, and they keep off that core.


def _stay():
    """Keep this thread on the core where it runs; the other cores, or None where that cannot be."""
    core = _core()
    if core is None:
        return None
    # What is allowed; or what a Ctrl-C amidst `_roam` has left undone.
    cores = _local.cores = getattr(_local, "cores", None) or os.sched_getaffinity(0)
    here = {core()}
    return cores - here if here < cores and _move(here) else None


def _roam():
    """Let this thread run again where it could before `_stay`."""
    if cores := getattr(_local, "cores", None):
        _move(cores)
        _local.cores = None


def _move(cores):
    """Let this thread run on these cores only; whether that was possible."""
    try:
        os.sched_setaffinity(0, cores)
    except OSError:  # a core has been taken away
        return False
    return True


@functools.cache
def _core():
    """The function that tells on which core a thread runs; None on systems that do not."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    import ctypes  # here: `import tapelab` should not wait for it

    return getattr(ctypes.PyDLL(None), "sched_getcpu", None)


def _after_fork():
    """Threads do not survive a fork; a child starts its own."""
    global _starting, _jobs, _helpers
    _starting, _jobs, _helpers = threading.Lock(), [], []


_after_fork()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def scratch(name, shape, dtype):
    """Memory that later calls on this thread reuse: fresh megabytes cost page faults."""
    size = math.prod(shape) * dtype.itemsize
    buffer = getattr(_local, name, None)
    if buffer is None or buffer.size < size:
        buffer = np.empty(size, np.uint8)
        setattr(_local, name, buffer)
    return buffer[:size].view(dtype).reshape(shape)


def keep_freed_memory():
    """Let the C library keep the megabytes that each operation frees, instead of asking for them anew.

    glibc hands blocks above a threshold back to the system when they are freed; the next operation
    then pays a page fault for every 4 kB. Freeing one block below 32 MiB raises the threshold, by glibc's
    own documented rule (mallopt(3), M_MMAP_THRESHOLD), to that size for the whole process; at most twice
    as much freed memory stays with it. Elsewhere this does nothing. TAPELAB_KEEP_MEMORY=0 leaves it out;
    before `python -m benchmarks conv_one_thread`, say, to see the difference.
    """
    if os.environ.get("TAPELAB_KEEP_MEMORY", "1") != "0":
        np.empty((1 << 25) - (1 << 16), np.uint8)
