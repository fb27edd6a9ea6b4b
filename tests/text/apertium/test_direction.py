"""A direction's programs, kept running: what they are handed, and what happens when they hang or die."""

import signal
import sys
import time

import pytest

from workshop.text.apertium import direction
from workshop.text.apertium.direction import Direction, DirectionError

PROGRAM = """#!{python}
import os, sys, time

held = b""
while data := os.read(0, 65536):
    for byte in data:
        held += bytes([byte])
        if byte:
            continue
        if b"hang" in held:
            time.sleep(600)
        if b"die" in held and (b"always" in held or not os.path.exists({once!r})):
            open({once!r}, "w").close()
            sys.exit(3)
        out, held = held.upper(), b""
        while out:
            out = out[os.write(1, out):]
"""


@pytest.fixture
def shouting(tmp_path):
    """A stand-in for Apertium: two programs that put texts in capitals. It hangs at `hang`, and dies at `die`, but once."""
    program = tmp_path / "bin" / "shout"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable, once=str(tmp_path / "died")))
    program.chmod(0o755)
    modes = tmp_path / "share" / "apertium" / "modes"
    modes.mkdir(parents=True)
    (modes / "eng-spa.mode").write_text("shout | shout $1 '/a b/c'")
    running = Direction(str(tmp_path), str(modes / "eng-spa.mode"), timeout=1.0)
    yield running
    running.close()


def test_directions_by_their_two_languages(tmp_path):
    folder = tmp_path / "share" / "apertium" / "modes"
    folder.mkdir(parents=True)
    for name in ("eng-spa.mode", "fr-es.mode", "szl-pol.mode", "eng-cat_valencia.mode", "eng-spa-tagger.mode", "README"):
        (folder / name).touch()
    found = direction.modes(str(tmp_path))
    assert list(found) == [("en", "es"), ("fr", "es"), ("szl", "pl")]
    assert found["en", "es"] == str(folder / "eng-spa.mode")
    assert direction.modes(str(tmp_path / "nowhere")) == {}


def test_programs_of_a_mode(tmp_path):
    mode = tmp_path / "a-b.mode"
    mode.write_text("lt-proc '/a b/x.bin' | apertium-tagger -g $2 '/y.prob' | lt-proc $1 '/z.bin'\n")
    assert direction.commands(str(mode)) == [
        ["lt-proc", "-z", "/a b/x.bin"],
        ["apertium-tagger", "-z", "-g", "/y.prob"],
        ["lt-proc", "-z", "-n", "/z.bin"],
    ]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("Hello world.", "Hello world."),
        ("Hello", "Hello.[]"),
        ("Really?", "Really?"),
        ("", ".[]"),
        ("a [b] {c} ^d$ e/f \\ @ <g>.", r"a \[b\] \{c\} \^d\$ e\/f \\ \@ \<g\>."),
        ("one\ntwo", "one[\n]two.[]"),
        ("one  two\t", "one[  ]two[\t].[]"),
        ("a\0b.", "a b."),
        ("e\u0301.", "é."),
    ],
)
def test_texts_as_the_programs_pass_them_on(text, escaped):
    assert direction.escape(text) == escaped
    assert direction.unescape(escaped) == text.replace("\0", " ").replace("e\u0301", "é")


def test_answers_in_order(shouting):
    assert shouting.translate([]) == []
    assert shouting.translate(["one", "two\n\nthree [4]", ""]) == ["ONE", "TWO\n\nTHREE [4]", ""]
    texts = [f"text {number} " + "x" * 3000 for number in range(200)]
    assert shouting.translate(texts) == [text.upper() for text in texts]


def test_a_text_that_hangs_gets_an_error_and_those_behind_it_an_answer(shouting):
    began = time.monotonic()
    first, hung, last = shouting.translate(["a", "hang", "b"])
    assert (first, last) == ("A", "B") and time.monotonic() - began < 10
    assert isinstance(hung, DirectionError) and "took more than 1 s" in str(hung)
    assert shouting.translate(["c"]) == ["C"]


def test_a_text_at_which_the_programs_die_is_tried_once_more(shouting):
    assert shouting.translate(["a", "die", "b"]) == ["A", "DIE", "B"]
    first, died, last = shouting.translate(["a", "die always", "b"])
    assert (first, last) == ("A", "B")
    assert str(died) == "the translator ended: shout with 3"


def test_what_is_translated_when_the_first_program_dies_still_comes_out(shouting):
    """The first program dies while there is more to send: the text before is on its way and must not pay for it."""
    first, died, *others = shouting.translate(["a" * 20_000, "die always", *["b" * 3000] * 100])
    assert (first, others) == ("A" * 20_000, ["B" * 3000] * 100)
    assert str(died) == "the translator ended: shout with 3"


def test_programs_that_hang_at_every_text_hold_nobody_for_long(shouting):
    began = time.monotonic()
    answers = shouting.translate(["a", *["hang"] * 20])
    assert answers[0] == "A" and time.monotonic() - began < 15  # not 20 s
    assert [str(answer) for answer in answers[1:]] == [
        "the translator took more than 1 s and was ended",
        *["the translator took more than 1 s twice in a row and was ended"] * 19,
    ]
    assert shouting.translate(["c"]) == ["C"]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(("end", "again"), [(signal.SIGKILL, ["B"]), (signal.SIGSTOP, [None])])
def test_programs_that_somebody_ends_or_stops(shouting, number, end, again):
    assert shouting.translate(["a"]) == ["A"]
    shouting.processes[number].send_signal(end)
    answers = shouting.translate(["b"])
    assert [None if isinstance(answer, DirectionError) else answer for answer in answers] == again
    assert shouting.translate(["c"]) == ["C"]


def test_a_program_that_is_missing(shouting, tmp_path):
    (tmp_path / "bin" / "shout").unlink()
    (answer,) = shouting.translate(["a"])
    assert isinstance(answer, DirectionError) and "shout" in str(answer)
    assert shouting.processes == []


def test_closing_ends_all_programs(shouting):
    shouting.translate(["a"])
    processes = shouting.processes
    shouting.close()
    assert [process.returncode for process in processes] == [-signal.SIGKILL] * 2
    shouting.close()
    assert shouting.translate(["b"]) == ["B"]


ENGLISH = [
    "The house is red.",
    "Semantic analysis (computational)",
    "THE WATER OF THE RIVER IS COLD!",
    "Prices: 5 $ [net], a/b <c> {d} ^e @f \\g",
    "First line\nsecond line\n\nnew paragraph",
    "",
    "and it goes on without a capital",
]


@pytest.mark.parametrize("pair", [("en", "es"), ("en", "ca")])
def test_a_translation_does_not_depend_on_the_texts_before(root, pair):
    def fresh():
        return Direction(str(root), direction.modes(str(root))[pair], timeout=20.0)

    alone = []
    for text in ENGLISH:
        running = fresh()
        alone += running.translate([text])
        running.close()
    running = fresh()
    assert running.translate(ENGLISH * 3) == alone * 3
    assert [running.translate([text])[0] for text in ENGLISH] == alone
    running.close()
    assert all(alone[:5]) and alone[5] == ""
    assert alone[4].count("\n") == 3 and "5 $ [" in alone[3]
