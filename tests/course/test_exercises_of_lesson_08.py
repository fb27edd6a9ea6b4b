"""Lesson 08's exercises, tried with answers of every kind."""

import pytest

from tests.support.exercise_tables import SOLUTION, Answer, Exercise

pytestmark = pytest.mark.usefixtures("nothing_left")
BEST = Exercise("08_batching_and_performance", "Exercise 1")
PADDING = Exercise("08_batching_and_performance", "Exercise 2")

ROWS = """
rows = [(row.requests_per_s, name, row.clients, row.p95_ms) for name, table in tables.items() for row in table.itertuples()]
"""


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 1: no answer yet.",)),
        Answer(
            "wrong: the budget ignored",
            ROWS + "return max(rows)[1:3]",
            ("missing  15 ms: only a with 1 client keeps it: expected ('a', 1), got ('b', 8)",),
        ),
        Answer(
            "wrong: the fastest of all, if it keeps the budget",
            ROWS + "return max(rows)[1:3] if max(rows)[3] <= budget_ms else None",
            ("missing  30 ms: two rows keep it: expected ('a', 1), got None",),
        ),
        Answer(
            "wrong: the shortest latency",
            ROWS + "kept = [row for row in rows if row[3] <= budget_ms]\n"
            "return min(kept, key=lambda row: row[3])[1:3] if kept else None",
            ("missing  100 ms: all rows keep it: expected ('b', 8), got ('a', 1)",),
        ),
        Answer(
            "wrong: the longest latency that keeps it",
            ROWS + "kept = [row for row in rows if row[3] <= budget_ms]\n"
            "return max(kept, key=lambda row: row[3])[1:3] if kept else None",
            ("missing  30 ms: two rows keep it: expected ('a', 1), got ('b', 1)",),
        ),
        Answer(
            "wrong: the most clients",
            ROWS + "kept = [row for row in rows if row[3] <= budget_ms]\n"
            "return max(kept, key=lambda row: (row[2], row[0]))[1:3] if kept else None",
            ("missing  100 ms: all rows keep it: expected ('b', 8), got ('b', 16)",),
        ),
        Answer(
            "wrong: each table's last row that keeps it",
            ROWS + "last = {row[1]: row for row in rows if row[3] <= budget_ms}\n"
            "return max(last.values())[1:3] if last else None",
            ("missing  100 ms: all rows keep it: expected ('b', 8), got ('b', 16)",),
        ),
        Answer(
            "wrong: below the budget only",
            ROWS + "kept = [row for row in rows if row[3] < budget_ms]\nreturn max(kept)[1:3] if kept else None",
            ("missing  45 ms: just kept: expected ('b', 8), got ('a', 1)",),
        ),
        Answer(
            "wrong: no None",
            ROWS + "return max(row for row in rows if row[3] <= budget_ms)[1:3]",
            ("missing  5 ms: nothing: raised ValueError",),
        ),
        Answer("wrong: printed", ROWS + "print(max(rows)[1:3])", ("got None (is a `return` missing?)",)),
        Answer("raises", "return tables['nothing']", ("missing  15 ms: only a with 1 client keeps it: raised KeyError",)),
        SOLUTION,
        Answer(
            "right",
            ROWS + "kept = [row for row in rows if row[3] <= budget_ms]\nreturn max(kept)[1:3] if kept else None",
            (),
        ),
        Answer(
            "right: by pandas, as a list",
            "table = pd.concat(tables, names=['name']).reset_index('name').query('p95_ms <= @budget_ms')\n"
            "return None if table.empty else list(table.sort_values('requests_per_s')[['name', 'clients']].iloc[-1])",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_best_within_a_budget(triton_server, answer):
    BEST.test(answer)


PARTS = "parts = [lengths[start : start + size] for start in range(0, len(lengths), size)]\n"
SORTED_FIRST = "lengths = np.sort(lengths)\n" + PARTS
ALL_TOGETHER = "return 1 - lengths.sum() / sum(part.max() * len(part) for part in parts)"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 2: no answer yet.",)),
        Answer(
            "wrong: the mean of the calls' shares",
            PARTS + "return np.mean([1 - part.sum() / (part.max() * len(part)) for part in parts])",
            ("missing  10, 1, 3, 4, two at a time: expected 0.357143, got",),
        ),
        Answer(
            "wrong: sorted first",
            SORTED_FIRST + ALL_TOGETHER,
            ("missing  10, 1, 3, 4, two at a time: expected 0.357143, got", "right    the same, sorted by length first"),
        ),
        Answer(
            "wrong: a full last call",
            PARTS + "return 1 - lengths.sum() / sum(part.max() * size for part in parts)",
            ("missing  a last call that is not full: expected 0, got",),
        ),
        Answer(
            "wrong: padded to the longest of all",
            "return 1 - lengths.sum() / (lengths.max() * len(lengths))",
            ("missing  one text a call: none: expected 0, got",),
        ),
        Answer("wrong: the share of tokens", PARTS + ALL_TOGETHER.replace("1 - ", ""), ("expected 0, got 1",)),
        Answer("wrong: the tokens of padding", PARTS + "return sum(part.max() - part for part in parts)", ("missing  ",)),
        Answer("wrong: no return", PARTS, ("(is a `return` missing?)",)),
        Answer("raises", "return lengths[size]", ("missing  1 and 3 together: two of six: raised IndexError",)),
        SOLUTION,
        Answer(
            "right: without slices",
            "padding = computed = 0\n"
            "for start in range(0, len(lengths), size):\n"
            "    call = list(lengths[start : start + size])\n"
            "    computed += max(call) * len(call)\n"
            "    padding += sum(max(call) - length for length in call)\n"
            "return padding / computed",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_share_of_padding(triton_server, answer):
    PADDING.test(answer)
