"""Every lesson in JupyterLab itself: opened, run from top to bottom, its widgets moved."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
RUN_WITHIN = 180  # seconds for a whole lesson on a busy machine
MOVE_WITHIN = 20


def wait_until(page, condition, seconds, what):
    for _ in range(int(seconds * 10)):
        if condition():
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{what}: not within {seconds} s")


def run_all(page, address):
    """Open a notebook, run all its cells from the menu, and wait for the last of them."""
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    idle = page.locator("#jp-main-statusbar", has_text=re.compile(r"Python 3.*\| Idle"))
    idle.wait_for()  # earlier, JupyterLab would ask which kernel to start
    page.locator(".lm-MenuBar-item", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-item", has_text=re.compile("^Run All Cells")).first.click()
    last = page.locator(".jp-CodeCell .jp-InputPrompt").last
    wait_until(
        page,
        lambda: re.search(r"\[\d+\]", last.inner_text()) or errors(page),
        RUN_WITHIN,
        "the last cell has run",
    )
    idle.wait_for()
    page.wait_for_timeout(500)  # the views of the last widgets


def errors(page):
    """The texts of error outputs, and of widgets that could not be shown."""
    wrong = page.locator(
        "[data-mime-type='application/vnd.jupyter.error'], "
        "[data-mime-type='application/vnd.jupyter.stderr'], .jupyter-widgets-error-widget"
    )
    return [text for text in wrong.all_inner_texts() if text.strip()]


def outputs(page, selector):
    """The output areas that contain something."""
    return page.locator(".jp-OutputArea-output", has=page.locator(selector)).all()


def shown(output):
    """What an output shows: its texts and the sources of its pictures."""
    return output.inner_text(), output.evaluate(
        "e => Array.from(e.querySelectorAll('img'), i => i.alt + i.src)"
    )


def must_change(page, output, action, what):
    before = shown(output)
    action()
    wait_until(page, lambda: shown(output) != before, MOVE_WITHIN, f"{what} changes the picture")


def move_sliders(page):
    """Every slider with the arrow keys; the number beside it is not enough, the picture changes."""
    moved = 0
    for output in outputs(page, ".noUi-handle"):
        for handle in output.locator(".noUi-handle").all():
            picture = output.locator("img").first
            before = picture.get_attribute("src")
            handle.focus()
            key = "ArrowRight"
            if handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax"):
                key = "ArrowLeft"
            for _ in range(4):  # one step may be too small to be seen
                page.keyboard.press(key)
                page.wait_for_timeout(300)
                if picture.get_attribute("src") != before:
                    break
            wait_until(
                page,
                lambda p=picture, b=before: p.get_attribute("src") != b,
                MOVE_WITHIN,
                f"the slider {handle.evaluate('e => e.closest(`.widget-inline-hbox`).innerText')!r}"
                f" of {picture.get_attribute('alt')!r} changes the picture",
            )
            moved += 1
    return moved


def answer_quizzes(page):
    quizzes = outputs(page, ".widget-radio-box")
    for output in quizzes:
        choice = output.locator("input[type=radio]").last
        must_change(page, output, choice.check, "picking an answer")
        assert re.search(r"Right\.|Not quite\.", output.inner_text())
    return len(quizzes)


def draw_digits(page):
    pads = outputs(page, ".tapelab-pad canvas")
    for output in pads:
        canvas = output.locator("canvas")

        def stroke(canvas=canvas):
            canvas.scroll_into_view_if_needed()
            box = canvas.bounding_box()
            page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
            page.mouse.down()
            page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=8)
            page.mouse.up()

        must_change(page, output, output.get_by_role("button", name="Clear").click, "clearing")
        must_change(page, output, stroke, "a stroke of the mouse")

        def typed(canvas=canvas):
            canvas.focus()
            for key in ("ArrowLeft", "ArrowLeft", "Space", "Shift+ArrowDown", "Shift+ArrowDown"):
                page.keyboard.press(key)

        must_change(page, output, typed, "the keyboard")
    return len(pads)


def look_at_riddles(page):
    """The detective's table: a prediction for the first case, then the look."""
    tables = outputs(page, ".jupyter-button[title^='Run case']")
    for output in tables:
        output.get_by_role("combobox").first.select_option("None")
        look = output.locator(".jupyter-button[title^='Run case']").first
        must_change(page, output, look.click, "looking")
        assert re.search(r"grad is", output.inner_text())
    return len(tables)


def train(page):
    panels = outputs(page, ".widget-hprogress")
    for output in panels:
        start = output.get_by_role("button", name="Start")
        if not start.count():
            continue
        must_change(page, output, start.click, "Start")
        output.get_by_role("button", name="Stop").click()
        wait_until(page, start.is_enabled, MOVE_WITHIN, "Stop stops the training")
        wait_until(
            page,
            lambda o=output: re.search(r"After \d+ of", o.locator("img").get_attribute("alt")),
            MOVE_WITHIN,
            "the training is drawn",
        )
    return len(panels)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson(path, page, jupyter):
    run_all(page, jupyter(path.name))
    notebook = nbformat.read(path, as_version=4)
    expected = any("raises-exception" in cell.metadata.get("tags", []) for cell in notebook.cells)
    if not expected:
        assert errors(page) == []
    moved = (
        move_sliders(page)
        + answer_quizzes(page)
        + draw_digits(page)
        + look_at_riddles(page)
        + train(page)
    )
    assert moved, "nothing in this lesson can be moved"
    if not expected:
        assert errors(page) == []
    assert page.said == []
