"""Texts to look up: the pages follow the controls, and what they claim is true."""

import pytest

pytest.importorskip("ipywidgets")

import tapelab
from tapelab import widgets
from tapelab.widgets.translation import LIBRARIES, SPELLINGS, answer


@pytest.mark.parametrize("question", SPELLINGS)
def test_tapelab_answers_as_claimed(question):
    spelling = SPELLINGS[question]
    code = spelling.program("TensorFlow").replace("tensorflow", "tapelab")
    assert answer(code) == spelling.result("TensorFlow")


@pytest.mark.parametrize("question", SPELLINGS)
def test_all_programs_are_programs(question):
    for library in LIBRARIES:
        compile(SPELLINGS[question].program(library), question, "exec")


def test_the_page_follows_question_and_library():
    reader = widgets.spellings()
    reader.controls["question"].value = "asked in two rounds"
    assert "tapelab answers 6, PyTorch answers 12." in reader.alt
    assert "import tapelab as tf" in reader.html.value
    assert "zero_grad" in reader.html.value
    reader.controls["library"].value = "JAX"
    assert "JAX answers 6." in reader.alt
    assert "jax.grad" in reader.html.value
    assert "y.backward" not in reader.html.value


def test_an_error_is_not_shown_as_a_number():
    reader = widgets.spellings()
    reader.controls["question"].value = "a vector as target"
    assert "RuntimeError is raised" in reader.html.value


def test_the_rules_are_those_of_the_package():
    reader = widgets.rules()
    reader.controls["operation"].value = "sin"
    assert reader.alt == "Sin has 1 rule, from tapelab/math.py."
    assert "P.cos(x)" in reader.html.value
    assert len(reader.controls["operation"].options) > 30
    reader.controls["operation"].value = "multiply"
    assert "2 rules" in reader.alt
    assert tapelab.primitive.P.multiply.rules[1].__doc__ in reader.html.value


def test_every_rule_can_be_read():
    reader = widgets.rules()
    for operation in reader.controls["operation"].options:
        reader.controls["operation"].value = operation
        assert "<pre" in reader.html.value


def test_without_a_kernel_the_page_is_there():
    bundle = widgets.spellings()._repr_mimebundle_()
    assert "tape.gradient" in bundle["text/html"]
    assert "Text to look up" in bundle["text/plain"]
