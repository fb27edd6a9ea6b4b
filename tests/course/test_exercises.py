"""Checks of exercises, and lessons made from solutions."""

import nbformat
import numpy as np
import pytest
import torch

from workshop.course.exercises import check, close, equal, holds
from workshop.course.lessons import without_answers


def stub(x):
    """What is asked for."""
    ...


def said(capsys, answer, conditions):
    check("Exercise 1", answer, conditions)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("unanswered", [None, ..., stub])
def test_an_unanswered_exercise_says_so(unanswered, capsys):
    assert said(capsys, lambda: unanswered, {"never asked": lambda answer: 1 / 0}) == ["Exercise 1: no answer yet."]


def test_an_answer_that_raises_gets_a_line(capsys):
    assert said(capsys, lambda: 1 / 0, {}) == ["Exercise 1: the answer raised ZeroDivisionError: division by zero"]
    lines = said(capsys, lambda: lambda x: x.missing, {"doubles": lambda f: equal(f(2), 4)})
    assert lines[0] == "missing  doubles: raised AttributeError: 'int' object has no attribute 'missing'"


def test_a_forgotten_return_is_named(capsys):
    def double(x):
        x = x * 2

    lines = said(capsys, lambda: double, {"doubles": lambda f: equal(f(2), 4)})
    assert lines == ["missing  doubles: expected 4, got None (is a `return` missing?)", "Exercise 1: 0 of 1."]


def test_a_function_that_returns_none_where_it_should_not_has_forgotten_nothing(capsys):
    def double(x):
        return None if x > 1 else x * 2

    assert said(capsys, lambda: double, {"doubles": lambda f: equal(f(2), 4)})[0] == "missing  doubles: expected 4, got None"


def test_a_failed_condition_says_what_was_expected_and_what_was_seen(capsys):
    conditions = {
        "is even": lambda n: equal(n % 2, 0),
        "is large": lambda n: holds(n > 10, expected="more than 10", got=n),
        "near pi": lambda n: close(n, 3.14159, within=0.01),
        "two rows": lambda n: equal(np.zeros((3, 4)).shape, (2, 4)),
    }
    assert said(capsys, lambda: 4, conditions) == [
        "right    is even",
        "missing  is large: expected more than 10, got 4",
        "missing  near pi: expected 3.14159, got 4",
        "missing  two rows: expected (2, 4), got (3, 4)",
        "Exercise 1: 1 of 4.",
    ]


def test_all_right(capsys):
    assert said(capsys, lambda: 4, {"is even": lambda n: equal(n % 2, 0)})[-1] == "Exercise 1: 1 of 1, well done."


def test_a_condition_without_a_verdict_is_a_fault_of_the_check():
    with pytest.raises(TypeError, match="no Verdict"):
        check("Exercise 1", lambda: 4, {"is even": lambda n: n % 2 == 0})


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_arrays_and_tensors_are_compared_by_shape_and_elements(kind):
    assert equal(kind([1, 2]), kind([1, 2])).met and equal(kind([1, 2]), [1, 2]).met
    assert not equal(kind([1, 2]), kind([[1, 2]])).met and not equal(kind([1, 2]), kind([1, 3])).met
    assert close(kind([1.0, 2.0]), kind([1.0, 2.000001])).met and not close(kind([1.0]), kind([[1.0]])).met
    assert not close(kind([1.0, float("nan")]), kind([1.0, 2.0])).met
    verdict = equal(kind([1.0, 2.0]), kind([1, 2]))
    assert (verdict.met, verdict.expected[:11], verdict.got[:5]) == (False, "int64 [1, 2", "float")
    assert equal(kind([1, 2]), [1, 3]).got == "[1, 2]" and equal(kind(list(range(9))), 1).got == "int64 [9]"


def test_of_large_arrays_it_is_said_how_far_they_are_apart():
    verdict = close(np.full((3, 4), 2.5, np.float32), np.full((3, 4), 2.0, np.float32))
    assert (verdict.met, verdict.expected, verdict.got) == (False, "float32 [3, 4]", "float32 [3, 4], up to 0.5 apart")
    assert close(np.zeros((2, 9)), np.zeros((3, 9))).got == "float64 [2, 9]"


@pytest.mark.parametrize("wrong", ["text", None, [1, "a"]])
def test_what_is_no_number_is_not_close_to_one(wrong):
    assert not close(wrong, 1.0).met


def test_answers_become_stubs_that_are_valid_python():
    source = """def double(x):
    ### BEGIN SOLUTION
    y = x * 2
    return y
    ### END SOLUTION


answer = None
### BEGIN SOLUTION
answer = double(21)
### END SOLUTION
answer"""
    solution = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, execution_count=1)])
    (cell,) = without_answers(solution).cells
    assert cell.source == "def double(x):\n    ...  # your code here\n\n\nanswer = None\n# your code here\nanswer"
    assert cell.execution_count is None and "21" in solution.cells[0].source
    compile(cell.source, "lesson", "exec")
