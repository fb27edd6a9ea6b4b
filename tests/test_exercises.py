"""Checks of exercises, and lessons made from solutions."""

import nbformat
import pytest

from workshop.exercises import check
from workshop.lessons import without_answers


@pytest.mark.parametrize("unanswered", [None, ...])
def test_an_unanswered_exercise_says_so(unanswered, capsys):
    check("Exercise 1", unanswered, {"never asked": lambda answer: 1 / 0})
    assert capsys.readouterr().out == "Exercise 1: no answer yet.\n"


def test_right_missing_and_failing_conditions_are_told_apart(capsys):
    conditions = {"is even": lambda n: n % 2 == 0, "is large": lambda n: n > 10, "has a name": lambda n: n.name}
    check("Exercise 2", 4, conditions)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "right    is even" and lines[1] == "missing  is large"
    assert lines[2].startswith("missing  has a name (AttributeError: ") and lines[3] == "Exercise 2: 1 of 3."


def test_all_right(capsys):
    check("Exercise 3", 4, {"is even": lambda n: n % 2 == 0})
    assert capsys.readouterr().out.endswith("Exercise 3: 1 of 1, well done.\n")


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
