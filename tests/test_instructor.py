"""INSTRUCTOR.md keeps step with the lessons: the same beats, the same minutes, plans that add up."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "INSTRUCTOR.md").read_text(encoding="utf-8")
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


def section(number):
    """What INSTRUCTOR.md says about a lesson."""
    found = re.search(rf"^### {number} .*?(?=^### |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"INSTRUCTOR.md has no section on lesson {number}"
    return found[0]


def rows(text):
    """The cells of the table rows of a text, headings and rules left out."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[-1] not in ("minutes", "what")]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_beats_and_minutes_are_those_of_the_lesson(path):
    cells = nbformat.read(path, as_version=4).cells
    headings = [re.match(r"## (.+)", c.source) for c in cells if c.cell_type == "markdown"]
    beats = [found[1] for found in headings if found and found[1] not in ("Quiz", "Recap")]
    card = re.search(r"\*\*Minutes\*\*: (\d+) reading, (\d+) exercises", cells[1].source)

    text = section(path.stem[:2])
    table = [row for row in rows(text) if row[-1].isdigit()]
    assert [row[0] for row in table] == beats
    assert sum(int(row[1]) for row in table) == int(card[1])
    assert f"{card[1]} minutes of reading, {card[2]} of exercises." in text
    assert f"(notebooks/{path.name})" in text


@pytest.mark.parametrize("plan", ["Half a day", "A full day"])
def test_the_times_of_a_plan_add_up(plan):
    text = re.search(rf"^## {plan}$.*?(?=^## )", TEXT, re.MULTILINE | re.DOTALL)[0]
    table = [row for row in rows(text) if re.fullmatch(r"\d\d:\d\d", row[0])]
    minutes = [60 * int(time[:2]) + int(time[3:]) for time, *_ in table]
    lasting = [int(row[1]) for row in table]
    assert len(table) > 5 and lasting[-1] == 0
    assert [b - a for a, b in zip(minutes, minutes[1:])] == lasting[:-1]


def test_a_plan_gives_a_lesson_the_minutes_of_its_card():
    """Where a plan deviates, its text says so: 03 without, 13 with one of its exercises."""
    timed = [row for row in rows(TEXT) if re.fullmatch(r"\d\d:\d\d", row[0])]
    planned = [row for row in timed if re.match(r"(?!03)\d\d:", row[-1])]
    assert len(planned) > 5
    for row in planned:
        card = re.search(r"(\d+) minutes of reading, (\d+) of", section(row[-1][:2]))
        assert int(row[1]) == int(card[1]) + int(card[2]), row


def test_the_commands_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make ([a-z]+)", TEXT, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
