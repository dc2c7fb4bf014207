"""Every lesson has its anatomy, and nothing in it escapes the tests by accident.

`faults` reads a notebook as text, without running it, and lists what is wrong with it in words
that name the cell. The second half of this file breaks a small sound lesson in every way `faults`
claims to see.
"""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from tapelab import check

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
LESSONS = sorted(FOLDER.glob("[0-9]*.ipynb"))

TAGS = {
    "predict",
    "explore",
    "exercise",
    "check",
    "solution",
    "quiz",
    "instructor",
    "raises-exception",
    "nbval-skip",
    "nbval-ignore-output",
    "nbval-check-output",
}
NOT_COMPARED = {"nbval-skip", "nbval-ignore-output"}
SLIDES = {"slide", "subslide", "fragment", "skip", "notes", "-"}
# A title begins with what the learner will do. Is yours a verb? Add it.
VERBS = """
    Ask Bend Build Catch Check Clip Compute Debug Differentiate Draw Explain Feed Find Fit
    Follow Give Go Hold Keep Look Make Map Measure Meet Move Open Prove Read Record Repair
    Replace Reuse Ride Run Scale See Shard Solve Split Start Step Stream Take Tame Teach Tell
    Trace Train Turn Unroll Watch Work Write
"""
WIDGET = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
ABSOLUTE_PATH = re.compile(
    r"(?<![\w.:/])/(?:home|root|Users|opt|tmp|usr|work|mnt)/|\b[A-Z]:\\\\?\w"
)
NETWORK = re.compile(r"https?://|\burllib\b|\brequests\b|[!%]\s*(?:pip|conda|wget|curl)\b")
CARD = {
    "three objectives": r"\*\*You will be able to\*\*\s*(\n- .*(\n  .*)*){3}",
    "**Before this lesson**": r"^\*\*Before this lesson\*\*: \S",
    "**Minutes**: n reading, n exercises": r"^\*\*Minutes\*\*: \d+ reading, \d+ exercises",
}


def tags(cell):
    return set(cell.metadata.get("tags", []))


def outputs(cell, kind=None):
    return [out for out in cell.get("outputs", []) if kind in (None, out.output_type)]


def texts(cell):
    """Everything a cell shows as text, base64 data left out."""
    for out in outputs(cell):
        if out.output_type == "stream":
            yield out.text
        elif out.output_type == "error":
            yield "\n".join([out.ename, out.evalue, *out.traceback])
        else:
            yield from (out.data[mime] for mime in out.data if mime.startswith("text/"))


def called_with(cell, function):
    """The first arguments, and the names in the others, of the calls `function("key", ...)`."""
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == function and node.args:
            others = {n.id for arg in node.args[1:] for n in ast.walk(arg) if hasattr(n, "id")}
            yield ast.literal_eval(node.args[0]), others


def assigned(cell):
    nodes = ast.walk(ast.parse(cell.source))
    return {
        name
        for node in nodes
        for name in (
            [node.id]
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            else [node.name]
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))
            else []
        )
    }


def faults(notebook, name, siblings, items):
    """What is wrong with a lesson: a list of sentences, empty when it is sound.

    Args:
      notebook: the notebook as nbformat reads it.
      name: its file name.
      siblings: the file names of all lessons, in order.
      items: its exercises and questions by key, as `check.lesson` gives them.
    """
    cells = notebook.cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    found = []

    def fault(cell, what):
        first = next(iter(cell.source.strip().splitlines()), "(empty)")
        found.append(f"cell {cells.index(cell)}, {first[:60]!r}: {what}")

    found += _card_and_recap(cells, name, siblings)
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("the code cells are not executed once each, from top to bottom")
    if not code or "import tapelab as tf" not in code[0].source:
        found.append("the first code cell is not the set-up with `import tapelab as tf`")
    for needed in ("predict", "explore", "quiz"):
        if not any(needed in tags(cell) for cell in cells):
            found.append(f"no cell is tagged {needed}")

    models = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    for cell in cells:
        for tag in sorted(tags(cell) - TAGS):
            fault(cell, f"unknown tag {tag!r}")
        if cell.metadata.get("slideshow", {}).get("slide_type") not in SLIDES:
            fault(cell, "no slide_type, or an unknown one")
        if ABSOLUTE_PATH.search(cell.source) or any(map(ABSOLUTE_PATH.search, texts(cell))):
            fault(cell, "an absolute path")
        for picture in re.findall(r"!\[(.*?)\]\((.*?)\)", cell.source):
            if len(picture[0]) < 20:
                fault(cell, "an image without alternative text")
            if re.match("https?:", picture[1]):
                fault(cell, "an image from the network")
        if cell.cell_type == "code":
            for what in _code_cell(cell, models):
                fault(cell, what)
        else:
            for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)[^)]*\)", cell.source):
                alive = target in siblings or (FOLDER / target).exists()
                if not re.match(r"https?:|mailto:", target) and not alive:
                    fault(cell, f"a link to {target}, which does not exist")
    return [*found, *_exercises(cells, items), *_quiz(code, items)]


def _card_and_recap(cells, name, siblings):
    title = re.match(r"# (\w+)", cells[0].source) if cells else None
    if not title:
        yield "the first cell is not a title (`# Verb ...`)"
        return
    if title[1] not in VERBS.split():
        yield f"the title begins with {title[1]!r}, not with a verb"
    card = cells[1].source if len(cells) > 1 else ""
    for what, pattern in CARD.items():
        if not re.search(pattern, card, re.MULTILINE):
            yield f"the card (cell 1) lacks {what}"
    place = siblings.index(name)
    for label, sibling in (
        ("Previous", siblings[place - 1] if place else None),
        ("Next", siblings[place + 1] if place + 1 < len(siblings) else None),
    ):
        link = re.search(rf"\*\*{label}\*\*: \[[^\]]+\]\(([^)]+)\)", card)
        if (link and link[1]) != sibling:
            yield f"the card's **{label}** should link to {sibling}"
    recap = [cell.source for cell in cells if re.match(r"## Recap\b", cell.source)]
    if not recap or len(re.findall(r"^[-*] ", recap[0], re.MULTILINE)) < 3:
        yield "no recap (`## Recap` with three bullets)"
    elif not any(re.search(r"\bIn TensorFlow\b", cell.source, re.IGNORECASE) for cell in cells):
        yield 'no "In TensorFlow" at the end'


def _code_cell(cell, models):
    marks = tags(cell)
    if marks & NOT_COMPARED and "# Not compared" not in cell.source:
        yield "not compared by nbval, without a comment `# Not compared: why`"
    if NETWORK.search(cell.source):
        yield "needs the network"
    if bool(outputs(cell, "error")) != ("raises-exception" in marks):
        yield "an error, or the tag raises-exception, without the other"
    for out in outputs(cell):
        if out.output_type == "stream" and out.name == "stderr":
            yield f"writes to stderr: {out.text.strip()[:60]}"
        data = out.get("data", {})
        page = data.get("text/html", "")
        if any(mime.startswith("image/") for mime in data) and "<img alt=" not in page:
            yield "a figure without alternative text: use widgets.show(fig, alt=...)"
        if re.search(r"<img(?![^>]*\balt=\"[^\"]{20,}\")", page):
            yield "an <img> without alternative text"
        if re.search(r"(?:src|href)=\"(?:https?:)?//", page):
            yield "shows something from the network"
        if WIDGET in data and data[WIDGET]["model_id"] not in models:
            yield "the state of its widget is not saved"
        if WIDGET in data and not page:
            yield "a widget with nothing to show on a static page"
    if "explore" in marks and not any(WIDGET in out.get("data", {}) for out in outputs(cell)):
        yield "tagged explore, but shows no widget"


def _exercises(cells, items):
    wanted = [key for key, item in items.items() if isinstance(item, check.Exercise)]
    if len(wanted) < 3:
        yield f"only {len(wanted)} exercises; a lesson has three or more"
    trios = [
        cell
        for cell in cells
        if cell.cell_type == "code" and tags(cell) & {"exercise", "check", "solution"}
    ]
    kinds = [next(iter(tags(cell) & {"exercise", "check", "solution"})) for cell in trios]
    if kinds != ["exercise", "check", "solution"] * len(wanted):
        yield f"{len(wanted)} exercises, but the tagged cells are {kinds}"
        return
    for place, key in enumerate(wanted):
        stub, checked, solution = trios[3 * place : 3 * place + 3]
        if not any(
            isinstance(node, ast.Constant) and node.value is ...
            for node in ast.walk(ast.parse(stub.source))
        ):
            yield f"exercise {key}: the stub has no blank `...`"
        calls = [list(called_with(cell, "check.exercise")) for cell in (checked, solution)]
        if any(len(call) != 1 or call[0][0] != key for call in calls):
            yield f"exercise {key}: check and solution do not each call check.exercise once"
            continue
        if overwritten := calls[0][0][1] & assigned(solution):
            yield f"exercise {key}: the solution overwrites the learner's {sorted(overwritten)}"
        if f"Exercise {key}: not answered yet" not in "".join(texts(checked)):
            yield f"exercise {key}: the check does not say 'not answered yet' about the stub"
        if f"Exercise {key}: well done" not in "".join(texts(solution)):
            yield f"exercise {key}: the solution does not pass the check"
        if not solution.metadata.get("jupyter", {}).get("source_hidden"):
            yield f"exercise {key}: the source of the solution is not hidden"


def _quiz(code, items):
    wanted = [key for key, item in items.items() if isinstance(item, check.Question)]
    asked = [
        key for cell in code if "quiz" in tags(cell) for key, _ in called_with(cell, "widgets.quiz")
    ]
    if asked != wanted or not wanted:
        yield f"the quiz asks {asked}; the questions of the lesson are {wanted}"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_sound(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    siblings = [lesson.name for lesson in LESSONS]
    found = faults(notebook, path.name, siblings, check.lesson(path.name[:2]))
    assert not found, "\n".join([path.name, *found])


# The checker itself, tried on a small sound lesson and on every way to break it.


def cell(kind, source, *marks, count=None, shows=(), **metadata):
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    made = make(source, metadata={"tags": list(marks), "slideshow": {"slide_type": "slide"}})
    made.metadata.update(metadata)
    if kind == "code":
        made.execution_count = count
        made.outputs = list(shows)
    return made


def printed(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def displayed(**data):
    return nbformat.v4.new_output(
        "display_data", {mime.replace("_", "/"): value for mime, value in data.items()}
    )


IMG = '<img alt="A line that rises from 0 to 1." src="data:image/png;base64,AAAA">'


def sound_lesson():
    widget = displayed(text_html=IMG)
    widget.data[WIDGET] = {"model_id": "m", "version_major": 2, "version_minor": 0}
    body = [
        ("markdown", "# Follow a line\n\nYou will build a line.", [], []),
        (
            "markdown",
            "**You will be able to**\n\n- one,\n- two,\n- three.\n\n"
            "**Before this lesson**: nothing\n**Minutes**: 5 reading, 10 exercises\n"
            "**Next**: [two](02_two.ipynb)",
            [],
            [],
        ),
        ("code", "import tapelab as tf", [], []),
        ("markdown", "What will it be?", ["predict"], []),
        ("code", "widgets.show(fig, alt='...')", [], [displayed(text_html=IMG, image_png="AAAA")]),
        ("code", "widgets.line()", ["explore"], [widget]),
    ]
    for key in ("01.1", "01.2", "01.3"):
        body += [
            ("markdown", f"### Exercise {key}", ["exercise"], []),
            ("code", "slope = ...", ["exercise"], []),
            (
                "code",
                f'check.exercise("{key}", slope)',
                ["check"],
                [printed(f"Exercise {key}: not answered yet. Hint")],
            ),
            (
                "code",
                f'right = 1\ncheck.exercise("{key}", right)',
                ["solution"],
                [printed(f"Exercise {key}: well done!")],
            ),
        ]
    body += [
        ("code", 'widgets.quiz("01.q1")', ["quiz"], []),
        ("markdown", "## Recap\n\n- a\n- b\n- c\n\nIn TensorFlow: import it.", [], []),
    ]
    made, count = [], 0
    for kind, source, marks, shows in body:
        count += kind == "code"
        made.append(cell(kind, source, *marks, count=count, shows=shows))
        if "solution" in marks:
            made[-1].metadata["jupyter"] = {"source_hidden": True}
    return nbformat.v4.new_notebook(cells=made, metadata={"widgets": {STATE: {"state": {"m": {}}}}})


ITEMS = {
    **{
        key: check.Exercise(key, hint="?", insight="!", solution=lambda: 1)
        for key in ("01.1", "01.2", "01.3")
    },
    "01.q1": check.Question("01.q1", "?", {"a": "x", "b": "y", "c": "z"}, "a"),
}


def faults_of(notebook):
    return faults(notebook, "01_one.ipynb", ["01_one.ipynb", "02_two.ipynb"], ITEMS)


def test_the_checker_passes_a_sound_lesson():
    assert faults_of(sound_lesson()) == []


def at(notebook, tag, kind="code"):
    return next(c for c in notebook.cells if tag in tags(c) and c.cell_type == kind)


def code_cell(notebook, place):
    return [c for c in notebook.cells if c.cell_type == "code"][place]


def replaced(place, old, new):
    def breakage(notebook):
        assert old in notebook.cells[place].source
        notebook.cells[place].source = notebook.cells[place].source.replace(old, new)

    return breakage


def with_output(output):
    return lambda notebook: code_cell(notebook, 0).outputs.append(output)


def marked(tag):
    return lambda notebook: code_cell(notebook, 0).metadata.tags.append(tag)


def without(tag, kind="code"):
    return lambda notebook: notebook.cells.remove(at(notebook, tag, kind))


def in_source(tag, old, new):
    def breakage(notebook):
        assert old in at(notebook, tag).source
        at(notebook, tag).source = at(notebook, tag).source.replace(old, new)

    return breakage


def with_line(text):
    return replaced(3, "What will it be?", text)


BREAKAGES = {
    "not executed once each": lambda nb: setattr(code_cell(nb, 2), "execution_count", None),
    "set-up": replaced(2, "import tapelab as tf", "import numpy"),
    "unknown tag 'skip-me'": marked("skip-me"),
    "without a comment": marked("nbval-skip"),
    "no slide_type": lambda nb: nb.cells[3].metadata.pop("slideshow"),
    "not a title": replaced(0, "# Follow", "Follow"),
    "not with a verb": replaced(0, "Follow", "The"),
    "lacks three objectives": replaced(1, "- two,\n", ""),
    "lacks **Before": replaced(1, "**Before this lesson**: nothing", ""),
    "lacks **Minutes**": replaced(1, "5 reading", "some reading"),
    "**Next** should link to 02_two.ipynb": replaced(1, "02_two", "01_one"),
    "no recap": replaced(-1, "- c\n", ""),
    'no "In TensorFlow"': replaced(-1, "In TensorFlow", "In Keras"),
    "no cell is tagged predict": without("predict", "markdown"),
    "no cell is tagged explore": without("explore"),
    "no cell is tagged quiz": without("quiz"),
    "the quiz asks ['01.q9']": in_source("quiz", "q1", "q9"),
    "an error, or the tag": with_output(nbformat.v4.new_output("error", ename="E", evalue="e")),
    "the tag raises-exception, without the other": marked("raises-exception"),
    "writes to stderr": with_output(printed("Warning: old", "stderr")),
    "a figure without alternative text": with_output(displayed(image_png="AAAA")),
    "an <img> without": with_output(displayed(text_html='<img alt="" src="x">')),
    "from the network": with_output(displayed(text_html='<script src="https://x/y"></script>')),
    "an image without alternative text": with_line("![short](a.png)"),
    "an image from the network": with_line("![A figure that rises slowly.](https://x/a.png)"),
    "a link to 03_three.ipynb": with_line("[three](03_three.ipynb)"),
    "an absolute path": with_output(printed("saved in /home/me/x")),
    "needs the network": replaced(4, "widgets", "%pip install x\nwidgets"),
    "state of its widget is not saved": lambda nb: nb.metadata.pop("widgets"),
    "nothing to show on a static page": lambda nb: (
        at(nb, "explore").outputs[0].data.pop("text/html")
    ),
    "shows no widget": lambda nb: at(nb, "explore").outputs.clear(),
    "the tagged cells are": without("solution"),
    "has no blank": in_source("exercise", "...", "1"),
    "do not each call check.exercise once": in_source("check", "01.1", "01.2"),
    "overwrites the learner's ['slope']": in_source("solution", "right", "slope"),
    "does not say 'not answered yet'": lambda nb: at(nb, "check").outputs.clear(),
    "does not pass the check": lambda nb: at(nb, "solution").outputs.clear(),
    "source of the solution is not hidden": lambda nb: at(nb, "solution").metadata.pop("jupyter"),
}


@pytest.mark.parametrize("said", BREAKAGES)
def test_the_checker_sees(said):
    notebook = sound_lesson()
    BREAKAGES[said](notebook)
    assert any(said in fault for fault in faults_of(notebook)), faults_of(notebook)


def test_the_checker_counts_the_exercises():
    two = {key: item for key, item in ITEMS.items() if key != "01.3"}
    found = faults(sound_lesson(), "01_one.ipynb", ["01_one.ipynb", "02_two.ipynb"], two)
    assert any("only 2 exercises" in fault for fault in found)
