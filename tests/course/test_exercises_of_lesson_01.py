"""Lesson 01's exercises, tried with answers of every kind."""

import pytest

from tests.support.exercise_tables import SOLUTION, Answer, Exercise

pytestmark = pytest.mark.usefixtures("nothing_left")
BY_HAND = Exercise("01_serve_a_model", "Exercise 1")
TWO_INPUTS = Exercise("01_serve_a_model", "Exercise 2")
REPAIRED = Exercise("01_serve_a_model", "Exercise 3")

FIRST = """
(folder / "1").mkdir(parents=True)
(folder / "config.pbtxt").write_text(SCALE)
(folder / "1/model.pt").write_bytes(double)
http.load_model(folder.name)
look()
"""
SECOND = """
(folder / "2").mkdir()
(folder / "2/model.pt").write_bytes(tenfold)
http.load_model(folder.name)
look()
"""
AWAY = """
http.unload_model(folder.name)
shutil.rmtree(folder)
look()
"""


def policy(text: str) -> str:
    return f'(folder / "config.pbtxt").write_text(SCALE + "version_policy {{ {text} }}")\n'


def each(*answers):
    return pytest.mark.parametrize("answer", answers, ids=lambda answer: answer.kind)


@each(
    Answer("empty", "...", ("Exercise 1: no answer yet.",)),
    Answer("raises", "look(folder)", ("it runs, and looks four times: raised TypeError", "Exercise 1: 0 of 8.")),
    Answer("wrong: never looks", "folder.mkdir()\nfolder.rmdir()", ("it runs, and looks four times: expected 4, got 0",)),
    Answer(
        "wrong: a type without its prefix",
        FIRST.replace("SCALE", 'SCALE.replace("TYPE_FP32", "FP32")'),
        ('Unknown enumeration value of "FP32"', "raised InferenceServerException", "failed to poll", "Exercise 1: 0 of 8."),
    ),
    Answer(
        "wrong: nothing is loaded again, the folder goes while the model is served",
        FIRST
        + SECOND.replace("http.load_model(folder.name)", "")
        + 'shutil.rmtree(folder / "2")\nlook()'
        + AWAY[AWAY.index("shutil") - 1 :],
        (
            "missing  2. version 2 answers: expected (['1/model.pt', '2/model.pt', 'config.pbtxt'], [[10.0]]), got",
            "missing  3. version 1 answers again",
            "missing  4. the model is refused: expected a refusal, got [[2.0]]",
        ),
    ),
    Answer(
        "wrong: the policy is not loaded",
        FIRST + SECOND + policy("specific { versions: [ 1 ] }") + "look()" + AWAY,
        (
            "missing  3. version 1 answers again",
            "missing  3. version 2 is refused: expected a refusal, got [[10.0]]",
            "6 of 8",
        ),
    ),
    Answer(
        "wrong: the policy comes with the call",
        "import json\n"
        + FIRST
        + SECOND
        + """
policy = {"backend": "pytorch", "max_batch_size": 8, "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [1]}],
          "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [1]}],
          "version_policy": {"specific": {"versions": [1]}}}
http.load_model(folder.name, config=json.dumps(policy))
look()
"""
        + AWAY,
        (
            "right    3. version 1 answers again",
            "right    3. version 2 is refused",
            "missing  3. config.pbtxt says so: expected a version_policy in it, got ",
            "7 of 8",
        ),
    ),
    SOLUTION,
    Answer(
        "right: all versions, other calls",
        """
        steps = [(double, "all {}"), (tenfold, "all {}"), (None, "specific { versions: 1 }")]
        for number, (content, versions) in enumerate(steps, 1):
            if content:
                (folder / str(number)).mkdir(parents=True)
                (folder / str(number) / "model.pt").write_bytes(content)
            with open(folder / "config.pbtxt", "w") as file:
                file.write(f"name: '{folder.name}'{SCALE}version_policy {{ {versions} }}")
            http.load_model(folder.name)
            look()
        shutil.rmtree(folder)
        http.unload_model(folder.name)
        look()
        """,
        (),
    ),
)
def test_deploys_by_hand(triton_server, answer):
    BY_HAND.test(answer)


def two_inputs(x="TYPE_FP32 dims: [ -1 ]", weight="TYPE_FP32 dims: [ 1 ]", y="TYPE_INT64 dims: [ -1 ]", rows=16, more=""):
    return f'''two_inputs = """
        backend: "python" max_batch_size: {rows} {more}
        input {{ name: "x" data_type: {x} }}
        input {{ name: "weight" data_type: {weight} }}
        output {{ name: "y" data_type: {y} }}
        """'''


@each(
    Answer("empty", "", ("Exercise 2: no answer yet.",)),
    Answer(
        "wrong: the batch dimension written down",
        two_inputs(x="TYPE_FP32 dims: [ -1, -1 ]"),
        ("missing  clients see x as FP32 [-1, -1]: expected 'FP32 [-1, -1]', got 'FP32 [-1, -1, -1]'",),
    ),
    Answer("wrong: no batch", two_inputs(rows=0), ("expected 'FP32 [-1, -1]', got 'FP32 [-1]'", "expected 16, got 0")),
    Answer("wrong: a batch in dims only", two_inputs("TYPE_FP32 dims: [ -1, -1 ]", rows=0), ("expected 16, got 0",)),
    Answer(
        "wrong: an input that may be left out",
        two_inputs(weight="TYPE_FP32 dims: [ 1 ] optional: true"),
        ("missing  clients see weight as FP32 [-1, 1]: expected 'FP32 [-1, 1]', got 'FP32 [-1, 1], optional'",),
    ),
    Answer("wrong: double precision", two_inputs(weight="TYPE_FP64 dims: [ 1 ]"), ("got 'FP64 [-1, 1]'",)),
    Answer(
        "wrong: one input",
        'two_inputs = \'backend: "python" max_batch_size: 16 '
        'input { name: "x" data_type: TYPE_FP32 dims: -1 } output { name: "y" data_type: TYPE_INT64 dims: -1 }\'',
        ("missing  clients see weight", "got \"no weight in ['rows', 'x', 'y']\""),
    ),
    Answer(
        "wrong: does not load",
        two_inputs().replace('"python"', '"Python"'),
        (
            "Exercise 2: the answer raised InferenceServerException: [400] load failed",
            "backend library for backend 'Python'",
        ),
    ),
    Answer(
        "wrong: does not parse", two_inputs("FP32 dims: [ -1 ]"), ("Exercise 2: the answer raised ParseError:", "named FP32")
    ),
    Answer("raises", "two_inputs = SCALES", ("Exercise 2: no answer yet.",)),
    SOLUTION,
    Answer("right", two_inputs(), ()),
    Answer("right: with a name of its own", two_inputs(more='name: "two_inputs"'), ('note     name: "two_inputs"',)),
    Answer(
        "right: outputs first, lists", two_inputs("TYPE_FP32, dims: -1").replace("        ", "").replace(" }", " };"), ()
    ),
)
def test_writes_a_configuration(triton_server, answer):
    TWO_INPUTS.test(answer)


def test_a_failed_load_is_not_judged_by_the_one_before(triton_server):
    TWO_INPUTS.judge(two_inputs())
    said = TWO_INPUTS.judge(two_inputs().replace('"python"', '"Python"'))
    assert "unable to find backend library for backend 'Python'" in said and "right  " not in said


GOOD = """
backend: "python"
max_batch_size: 4
input { name: "x" data_type: TYPE_FP32 dims: [ 3 ] }
output { name: "y" data_type: TYPE_INT64 dims: [ -1 ] }
"""


def repaired(*changes: tuple[str, str]) -> str:
    config = GOOD
    for right, wrong in changes:
        assert right in config
        config = config.replace(right, wrong)
    return f'repaired = """{config}"""'


@each(
    Answer("empty", "", ("Exercise 3: no answer yet.",)),
    Answer(
        "wrong: dims as they were",
        repaired(("[ 3 ]", "[ -1, 3 ]")),
        ('missing  [2, 3] is answered: expected [2, 3], got "400: unexpected shape', "right    [5, 3] is refused"),
    ),
    Answer("wrong: no batch", repaired(("size: 4", "size: 0"), ("[ 3 ]", "[ -1, 3 ]")), ("missing  [5, 3] is refused",)),
    Answer("wrong: any columns", repaired(("[ 3 ]", "[ -1 ]")), ("missing  [2, 4] is refused", "got [2, 4]")),
    Answer("wrong: double precision", repaired(("FP32", "FP64")), ("missing  [2, 3] is answered", "expects 'FP64'")),
    Answer(
        "wrong: the output's type",
        repaired(("TYPE_INT64", "TYPE_INT32")),
        ("right    [4, 3] is answered", "missing  clients see y as before, INT64 [-1, -1]", "got 'INT32 [-1, -1]'"),
    ),
    Answer(
        "wrong: the output's length",
        repaired(("[ -1 ]", "[ 3 ]")),
        ("right    [4, 3] is answered", "missing  clients see y as before, INT64 [-1, -1]", "got 'INT64 [-1, 3]'"),
    ),
    Answer(
        "wrong: the version",
        repaired(("size: 4", "size: 4 version_policy { specific { versions: [ 2 ] } }")),
        ("the answer raised InferenceServerException", "at least one version must be available"),
    ),
    Answer("raises", "repaired = open('config.pbtxt').read()", ("Exercise 3: no answer yet.",)),
    SOLUTION,
    Answer("right: no version policy", repaired(), ()),
    Answer(
        "right: named, all versions", repaired(("max", 'name: "shapes" version_policy { all { } } max')), ("note     name",)
    ),
    Answer("right: bytes", repaired() + ".encode()", ()),
)
def test_repairs_a_configuration(triton_server, answer):
    REPAIRED.test(answer)
