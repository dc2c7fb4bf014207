"""What two learners of a class get, and what is left to them when something fails."""

import json
import os
import pwd
import subprocess
import threading
import time

import pytest

LESSON, OTHER = "01_autodiff.ipynb", "04_vector_output.ipynb"


@pytest.fixture(scope="module")
def ada(classroom):
    return classroom.learner("ada")


@pytest.fixture(scope="module")
def grace(classroom):
    return classroom.learner("grace")


@pytest.fixture
def kernel(ada):
    with ada.open(f"work/{LESSON}") as opened:
        yield opened


def write_in(learner, lesson, text):
    """The learner adds a cell to a lesson and saves."""
    notebook = learner.read(f"work/{lesson}")["content"]
    cell = {"id": "mine", "cell_type": "markdown", "metadata": {}, "source": text}
    notebook["cells"] = [c for c in notebook["cells"] if c["id"] != "mine"] + [cell]
    learner.save(f"work/{lesson}", notebook)


def wrote(learner, lesson):
    cells = learner.read(f"work/{lesson}")["content"]["cells"]
    return next((c["source"] for c in cells if c["id"] == "mine"), None)


def refused():
    from workshop.learner import Refused

    return Refused


def servers(classroom):
    """Process numbers of the learners' servers."""
    return {int(n) for n in classroom.run("pgrep", "-f", "jupyterhub-singleuser").split()}


def test_an_account_is_made_once(classroom):
    shadow = (classroom.root / "etc/shadow").read_text()
    assert classroom.enrol("ada", "grace") == ""
    assert (classroom.root / "etc/shadow").read_text() == shadow
    with pytest.raises(KeyError):
        pwd.getpwnam("grace")  # and none of it on this machine


def test_a_wrong_password_and_a_stranger_stay_outside(classroom):
    from workshop.learner import Learner

    # Carol has an account on this server, but is not of the class.
    classroom.run("sh", "-c", "useradd carol && echo carol:right | chpasswd")
    for name, password in [("ada", "wrong"), ("carol", "right")]:
        with pytest.raises(refused(), match="403"):
            Learner(classroom.url, name).log_in(password)


def test_each_begins_at_lesson_00_in_a_copy_of_their_own(classroom, ada, grace):
    for learner in (ada, grace):
        assert learner.enter() == f"{learner.server}/lab/tree/work/00_start_here.ipynb"
        handed_out = {p.name for p in classroom.lessons.glob("*.ipynb")}
        assert {f["name"] for f in learner.read("work")["content"]} == handed_out
    write_in(ada, LESSON, "ada's")
    write_in(grace, LESSON, "grace's")
    assert (wrote(ada, LESSON), wrote(grace, LESSON)) == ("ada's", "grace's")


def test_lessons_run(kernel):
    assert kernel.run("import tapelab as tf; tf.constant(2.0).numpy() + 1") == "np.float32(3.0)"
    with pytest.raises(refused(), match="ZeroDivisionError"):
        kernel.run("1 / 0")


def test_nobody_reads_a_neighbours_files(classroom, ada, grace, kernel):
    assert grace.read(f"work/{LESSON}")
    with pytest.raises(refused(), match="PermissionError"):
        kernel.run(f"open('/home/grace/work/{LESSON}').read()")
    with pytest.raises(refused(), match="PermissionError"):
        kernel.run("import os; os.listdir('/home/grace')")
    with pytest.raises(refused(), match="PermissionError"):
        kernel.run("open('/mnt/state/jupyterhub.sqlite', 'rb')")
    # A neighbour's environment holds the token of the neighbour's server.
    for pid in servers(classroom):
        owner = classroom.run("stat", "-c", "%U", f"/proc/{pid}").strip()
        if owner == "grace":
            with pytest.raises(refused(), match="PermissionError"):
                kernel.run(f"open('/proc/{pid}/environ').read()")
            break
    else:
        pytest.fail("grace's server was not found")
    # Nor through the neighbour's server.
    answer = ada.session.get(f"{grace.server}/api/contents/work/{LESSON}", timeout=60)
    assert answer.status_code in (403, 404), answer.status_code


def test_too_large_an_array_is_an_error_in_its_cell(kernel):
    kernel.run("import numpy as np; kept = 42")
    with pytest.raises(refused(), match="MemoryError: Unable to allocate 2.00 GiB"):
        kernel.run("np.ones(2**28)")
    assert kernel.run("kept") == "42"


def test_an_update_takes_nothing_away(classroom, ada):
    write_in(ada, LESSON, "my answer")
    for name in (LESSON, OTHER):
        lesson = json.loads((classroom.lessons / name).read_text())
        lesson["cells"][0]["source"] = "# A new title"
        (classroom.lessons / name).write_text(json.dumps(lesson))
    (classroom.home / "ada").chmod(0o755)
    ada.stop_server()
    ada.start_server()
    # A home that was opened, by its owner or by the way accounts are made, is closed again.
    assert (classroom.home / "ada").stat().st_mode & 0o777 == 0o700
    assert wrote(ada, LESSON) == "my answer"
    title = {f["name"]: ada.read(f["path"])["content"]["cells"][0]["source"]
             for f in ada.read("work")["content"]}  # fmt: skip
    new = LESSON.replace(".ipynb", ".new.ipynb")
    assert title[OTHER] == title[new] == "# A new title" != title[LESSON]


def test_a_killed_kernel_comes_back_empty_and_costs_no_saved_work(ada, kernel):
    write_in(ada, LESSON, "saved before")
    kernel.run("x = 1")
    with pytest.raises(ConnectionError, match="restarting"):
        kernel.run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(refused(), match="NameError"):
        kernel.run("x")  # the same tab goes on with a new kernel
    assert wrote(ada, LESSON) == "saved before"


def test_the_hub_restarts_in_the_middle_of_a_class(classroom, ada, grace, kernel):
    kernel.run("x = 'before'")
    running = servers(classroom)
    result = []
    cell = threading.Thread(target=lambda: result.append(kernel.run("import time; time.sleep(4); x")))
    cell.start()
    time.sleep(1)
    classroom.kill_hub()
    # While there is no hub, whoever is in goes on working.
    write_in(ada, LESSON, "written without a hub")
    write_in(grace, LESSON, "me too")
    cell.join()
    assert result == ["'before'"]
    with pytest.raises(refused(), match="503"):
        ada.ask("GET", f"{ada.hub}/api")
    classroom.start_hub()
    assert servers(classroom) == running
    assert kernel.run("x") == "'before'"
    assert wrote(ada, LESSON) == "written without a hub"
    # Who was not there meanwhile logs in and finds the server that still runs.
    back = classroom.learner("grace")
    assert wrote(back, LESSON) == "me too"
    assert servers(classroom) == running


def test_a_full_disk_keeps_what_was_saved(classroom, ada, kernel):
    write_in(ada, LESSON, "saved in time")
    full = classroom.home / "ada/big"
    try:
        with open(full, "wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(bytes(4096))
        # JupyterLab shows this sentence in a dialog; the tab keeps the text.
        with pytest.raises(refused(), match="500 .*No space left on device"):
            write_in(ada, LESSON, "too late")
        assert wrote(ada, LESSON) == "saved in time"
        assert "2" in kernel.run("1 + 1")  # beside a note, once, that the history is not kept
        # A server that is started now starts, and what was saved is there.
        ada.stop_server()
        ada.start_server()
        assert wrote(ada, LESSON) == "saved in time"
    finally:
        full.unlink()
    write_in(ada, LESSON, "there is room again")
    assert wrote(ada, LESSON) == "there is room again"


def test_whoever_leaves_is_stopped_and_finds_the_work_again(classroom, ada):
    write_in(ada, LESSON, "before lunch")
    classroom.kill_hub()
    classroom.start_hub(TAPELAB_IDLE="2")
    deadline = time.monotonic() + 300
    with pytest.raises(subprocess.CalledProcessError):  # pgrep finds none
        while time.monotonic() < deadline:
            servers(classroom)
            time.sleep(0.5)
    classroom.kill_hub()
    classroom.start_hub()
    assert wrote(classroom.learner("ada"), LESSON) == "before lunch"


def test_all_of_it_was_the_learners_own(classroom):
    """Nothing the hub did in a home belongs to root or is open to others."""
    uid = (classroom.home / "ada").stat().st_uid
    for directory, _, names in os.walk(classroom.home / "ada"):
        for path in (directory, *(os.path.join(directory, n) for n in names)):
            assert os.lstat(path).st_uid == uid, path
