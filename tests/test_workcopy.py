"""No update overwrites what a learner wrote."""

import json
import subprocess
import sys

import pytest

from tapelab import workcopy


@pytest.fixture
def place(tmp_path):
    source = tmp_path / "notebooks"
    (source / "images").mkdir(parents=True)
    (source / "01_a.ipynb").write_text("a, first edition")
    (source / "02_b.ipynb").write_text("b, first edition")
    (source / "images" / "tape.svg").write_text("<svg/>")
    return source, tmp_path / "work"


def listing(directory):
    return {
        path.relative_to(directory).as_posix(): path.read_text()
        for path in directory.rglob("*")
        if path.is_file() and path.name != ".handed_out.json"
    }


def test_the_first_time_everything_is_copied(place):
    source, work = place
    done = workcopy.update(source, work)
    assert done == {
        "copied": ["01_a.ipynb", "02_b.ipynb", "images/tape.svg"],
        "replaced": [],
        "beside": [],
    }
    assert listing(work) == listing(source)


def test_again_without_a_change_does_nothing(place):
    source, work = place
    workcopy.update(source, work)
    before = (work / ".handed_out.json").stat().st_mtime_ns
    assert workcopy.update(source, work) == {"copied": [], "replaced": [], "beside": []}
    assert (work / ".handed_out.json").stat().st_mtime_ns == before


def test_an_untouched_copy_follows_the_lesson(place):
    source, work = place
    workcopy.update(source, work)
    (source / "01_a.ipynb").write_text("a, second edition")
    assert workcopy.update(source, work)["replaced"] == ["01_a.ipynb"]
    assert (work / "01_a.ipynb").read_text() == "a, second edition"


def test_an_edited_copy_stays_and_the_new_lesson_lies_beside_it_once(place):
    source, work = place
    workcopy.update(source, work)
    (work / "01_a.ipynb").write_text("a, with my answers")
    assert workcopy.update(source, work)["beside"] == []  # nothing new to hand out yet
    (source / "01_a.ipynb").write_text("a, second edition")
    assert workcopy.update(source, work)["beside"] == ["01_a.new.ipynb"]
    assert (work / "01_a.ipynb").read_text() == "a, with my answers"
    assert (work / "01_a.new.ipynb").read_text() == "a, second edition"
    (work / "01_a.new.ipynb").unlink()
    assert workcopy.update(source, work)["beside"] == []  # said once


def test_work_in_the_new_lesson_is_not_overwritten_by_a_third_edition(place):
    source, work = place
    workcopy.update(source, work)
    (work / "01_a.ipynb").write_text("mine")
    (source / "01_a.ipynb").write_text("a, second edition")
    workcopy.update(source, work)
    (work / "01_a.new.ipynb").write_text("mine too")
    (source / "01_a.ipynb").write_text("a, third edition")
    assert workcopy.update(source, work)["beside"] == ["01_a.new2.ipynb"]
    assert (work / "01_a.ipynb").read_text() == "mine"
    assert (work / "01_a.new.ipynb").read_text() == "mine too"
    assert (work / "01_a.new2.ipynb").read_text() == "a, third edition"


def test_taking_over_the_new_lesson_makes_the_copy_untouched_again(place):
    source, work = place
    workcopy.update(source, work)
    (work / "01_a.ipynb").write_text("mine")
    (source / "01_a.ipynb").write_text("a, second edition")
    workcopy.update(source, work)
    (work / "01_a.new.ipynb").replace(work / "01_a.ipynb")
    (source / "01_a.ipynb").write_text("a, third edition")
    assert workcopy.update(source, work)["replaced"] == ["01_a.ipynb"]


def notebook(*sources, **more):
    """A notebook as text, its sources lines in a list, as JupyterLab writes them."""
    cells = [
        {"cell_type": "code", "source": text.splitlines(True), "metadata": {}, "outputs": [],
         "execution_count": None, **more}
        for text in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_notes_for_the_instructor_are_not_handed_out(place):
    source, work = place
    whole = json.loads(notebook("x = 1", "what learners say"))
    whole["cells"][1]["metadata"] = {"tags": ["instructor"]}
    (source / "01_a.ipynb").write_text(json.dumps(whole))
    workcopy.update(source, work)
    copy = json.loads((work / "01_a.ipynb").read_text())
    assert [c["source"] for c in copy["cells"]] == [["x = 1"]]
    assert workcopy.update(source, work) == {"copied": [], "replaced": [], "beside": []}


def test_running_a_lesson_is_no_change_but_an_answer_is(place):
    source, work = place
    (source / "01_a.ipynb").write_text(notebook("x = 1\ny = 2", "x ="))
    workcopy.update(source, work)
    run = notebook("x = 1\ny = 2", "x =", execution_count=3, outputs=[{"text": "3"}])
    (work / "01_a.ipynb").write_text(run)
    assert workcopy.update(source, work) == {"copied": [], "replaced": [], "beside": []}
    assert (work / "01_a.ipynb").read_text() == run
    second, third = notebook("x = 2", "x ="), notebook("x = 3", "x =")
    (source / "01_a.ipynb").write_text(second)
    assert workcopy.update(source, work)["replaced"] == ["01_a.ipynb"]
    assert (work / "01_a.ipynb").read_text() == second
    answered = notebook("x = 2", "x = 4")
    (work / "01_a.ipynb").write_text(answered)
    (source / "01_a.ipynb").write_text(third)
    assert workcopy.update(source, work)["beside"] == ["01_a.new.ipynb"]
    assert (work / "01_a.ipynb").read_text() == answered


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"cells": [1]}', '{"cells": null}', "\udcff"])
def test_a_broken_notebook_counts_as_the_learners(place, content):
    source, work = place
    workcopy.update(source, work)
    (work / "01_a.ipynb").write_bytes(content.encode(errors="surrogateescape"))
    (source / "01_a.ipynb").write_text(notebook("x = 1"))
    assert workcopy.update(source, work)["beside"] == ["01_a.new.ipynb"]


def test_a_deleted_copy_comes_back_fresh(place):
    source, work = place
    workcopy.update(source, work)
    (work / "01_a.ipynb").unlink()
    assert workcopy.update(source, work)["copied"] == ["01_a.ipynb"]
    assert (work / "01_a.ipynb").read_text() == "a, first edition"


@pytest.mark.parametrize("memory", [None, "", "[1]", "{"])
def test_without_its_memory_every_difference_is_the_learners(place, memory):
    source, work = place
    workcopy.update(source, work)
    (work / "01_a.ipynb").write_text("perhaps mine")
    if memory is None:
        (work / ".handed_out.json").unlink()
    else:
        (work / ".handed_out.json").write_text(memory)
    assert workcopy.update(source, work)["beside"] == ["01_a.new.ipynb"]
    assert (work / "01_a.ipynb").read_text() == "perhaps mine"
    assert set(json.loads((work / ".handed_out.json").read_text())) == {
        "01_a.ipynb", "02_b.ipynb", "images/tape.svg",
    }


def test_the_learners_own_files_and_lessons_gone_from_the_source_stay(place):
    source, work = place
    workcopy.update(source, work)
    (work / "my_notes.ipynb").write_text("notes")
    (source / "02_b.ipynb").unlink()
    workcopy.update(source, work)
    assert (work / "my_notes.ipynb").read_text() == "notes"
    assert (work / "02_b.ipynb").read_text() == "b, first edition"


def test_checkpoints_hidden_files_and_notes_for_authors_are_not_lessons(place):
    source, work = place
    (source / "AUTHORING.md").write_text("how to write a lesson")
    (source / ".ipynb_checkpoints").mkdir()
    (source / ".ipynb_checkpoints" / "01_a-checkpoint.ipynb").write_text("old")
    (source / ".hidden").write_text("x")
    workcopy.update(source, work)
    assert sorted(listing(work)) == ["01_a.ipynb", "02_b.ipynb", "images/tape.svg"]


def test_a_full_disk_leaves_the_copy_whole(place, monkeypatch):
    source, work = place
    workcopy.update(source, work)
    (source / "01_a.ipynb").write_text("a, second edition")

    def no_space(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", no_space)
    with pytest.raises(OSError, match="No space left"):
        workcopy.update(source, work)
    assert (work / "01_a.ipynb").read_text() == "a, first edition"
    assert not list(work.rglob("*.part"))


def test_refuses_directories_inside_each_other_and_missing_lessons(place):
    source, work = place
    with pytest.raises(ValueError, match="beside, not inside"):
        workcopy.update(source, source / "work")
    with pytest.raises(ValueError, match="beside, not inside"):
        workcopy.update(source, source.parent)
    with pytest.raises(FileNotFoundError, match="no lessons here"):
        workcopy.update(source / "nowhere", work)
    assert not work.exists()


def test_command_line(place):
    source, work = place
    command = [sys.executable, "-m", "tapelab.workcopy", str(source), str(work)]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Copied" in first.stdout and "01_a.ipynb" in first.stdout
    (work / "01_a.ipynb").write_text("mine")
    (source / "01_a.ipynb").write_text("a, second edition")
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "01_a.new.ipynb" in second.stdout and "as you left it" in second.stdout
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""
    command[-2] = str(source / "nowhere")
    failure = subprocess.run(command, capture_output=True, text=True)
    assert failure.returncode and "no lessons here" in failure.stderr


def test_a_notebook_is_handed_out_as_if_nobody_had_run_it(place):
    source, work = place
    lesson = {
        "cells": [
            {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["Prédict."]},
            {
                "cell_type": "code",
                "id": "b",
                "metadata": {"tags": ["solution"]},
                "source": ["6 * 7"],
                "execution_count": 1,
                "outputs": [{"output_type": "stream", "name": "stdout", "text": ["42"]}],
            },
        ],
        "metadata": {"kernelspec": {"name": "python3"}, "widgets": {"state": {}}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (source / "01_a.ipynb").write_text(json.dumps(lesson))
    workcopy.update(source, work)
    copy = json.loads((work / "01_a.ipynb").read_text(encoding="utf-8"))
    lesson["cells"][1].update(execution_count=None, outputs=[])
    del lesson["metadata"]["widgets"]
    assert copy == lesson
    assert workcopy.update(source, work) == {"copied": [], "replaced": [], "beside": []}
