"""Lesson 06's exercises, tried with answers of every kind."""

import pytest

from tests.support.exercise_tables import SOLUTION, Answer, Exercise

pytestmark = pytest.mark.usefixtures("nothing_left")

BY_HAND = Exercise("06_serve_graphsage", "Exercise 1", also=("client.load_model",))
EMBED_ALL = Exercise("06_serve_graphsage", "Exercise 2", also=("client.load_model",))


def seven(
    edges="torch.tensor([[1, 2], [0, 0]])", last="torch.tensor([3, 1])", nodes="x[[7, 8, 9]]", before="torch.tensor([3, 3])"
):
    """The inputs in parts, one of which can be wrong."""
    return f"edges = {edges}\nby_hand = [{nodes}, edges, {before}, edges, {before}, edges, {last}]"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "", ("Exercise 1: no answer yet.",)),
        Answer("raises", "by_hand = neighbourhood(7, 8, 9, 10)", ("no answer yet",)),
        Answer(
            "wrong: three targets of the last layer",
            seven(last="torch.tensor([3, 3])"),
            ("missing  Triton takes them and returns one embedding: expected (1, 64), got (3, 64)",),
        ),
        Answer(
            "wrong: one target of each layer",
            seven(before="torch.tensor([3, 1])"),
            ("missing  Triton takes them", "raised InferenceServerException", "its size says 3 source nodes, there are 1"),
        ),
        Answer(
            "wrong: edges from the product to its partners",
            seven(edges="torch.tensor([[0, 0], [1, 2]])"),
            ("missing  Triton takes them", "an edge ends at node"),
        ),
        Answer(
            "wrong: the products' numbers in the edges",
            seven(edges="torch.tensor([[8, 9], [7, 7]])"),
            ("missing  Triton takes them", "an edge begins at node 9 of 3"),
        ),
        Answer(
            "wrong: the product is its own partner",
            seven(edges="torch.tensor([[0, 1], [0, 0]])"),
            ("right    Triton takes them", "missing  it is that of product 7 with these two partners"),
        ),
        Answer(
            "wrong: the product last",
            seven(nodes="x[[8, 9, 7]]"),
            ("missing  three nodes, product 7 first", "missing  it is that of product 7"),
        ),
        Answer("wrong: another partner", seven(nodes="x[[7, 8, 10]]"), ("missing  it is that of product 7",)),
        Answer("wrong: FP32 sizes", seven(before="torch.tensor([3.0, 3.0])"), ("InferenceServerException", "FP32")),
        Answer("wrong: without sizes", "by_hand = [x[[7, 8, 9]]]", ("missing  seven tensors: expected 7, got 1",)),
        Answer("wrong: sampled from the graph", "by_hand = neighbourhood([7])", ("missing  each layer has two edges",)),
        SOLUTION,
        Answer(
            "right: a tuple, the edges in the other order",
            seven(edges="torch.tensor([[2, 1], [0, 0]])") + "\nby_hand = tuple(by_hand)",
            (),
        ),
        Answer(
            "right: sampled from a graph of three nodes",
            "star = CSR.from_edge_index(torch.tensor([[1, 2], [0, 0]]), 3)\n"
            "batch = NeighborSampler(star, (-1, -1, -1)).sample(torch.tensor([0]), torch.Generator())\n"
            "by_hand = batch.inputs(x[[7, 8, 9]])",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_a_neighbourhood_by_hand(triton_server, answer):
    BY_HAND.test(answer)


def parts(split):
    """Requests for the parts that an expression gives, joined."""
    return f"return np.concatenate([ask(neighbourhood(part)) for part in {split}])"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("empty", "...", ("Exercise 2: no answer yet.",)),
        Answer("raises", "return ask(products.batches(most))", ("raised AttributeError",)),
        Answer(
            "wrong: forgotten return",
            "ask(neighbourhood(products))",
            ("missing  600 products give FP32 [600, 64]: expected 'float32 [600, 64]', got None (is a `return` missing?)",),
        ),
        Answer(
            "wrong: all in one request",
            "return ask(neighbourhood(products))",
            ("missing  at most 250 a request: expected 1 to 250, got [600]", "right    in their order"),
        ),
        Answer(
            "wrong: one request a product",
            "return np.concatenate([ask(neighbourhood([product])) for product in products])",
            ("missing  in three requests: expected 3, got 600", "right    at most 250 a request"),
        ),
        Answer(
            "wrong: the last part is dropped",
            parts("[products[start : start + most] for start in range(0, len(products) - most + 1, most)]"),
            (
                "missing  600 products give FP32 [600, 64]: expected 'float32 [600, 64]', got 'float32 [500, 64]'",
                "missing  7 products",
            ),
        ),
        Answer(
            "wrong: an empty request at the end",
            parts("[products[start : start + most] for start in range(0, len(products) + 1, most)]"),
            ("missing  500 products, at most 100 a request, in five: expected 5, got 6", "right    in three requests"),
        ),
        Answer(
            "wrong: sorted",
            parts("products.sort().values.split(most)"),
            ("missing  in their order: expected float32 [600, 64], got float32 [600, 64], up to ",),
        ),
        Answer("wrong: the parts in reverse", parts("products.split(most)[::-1]"), ("missing  in their order",)),
        Answer(
            "wrong: 256 always",
            parts("products.split(256)"),
            ("missing  at most 250 a request: expected 1 to 250, got [256",),
        ),
        Answer(
            "wrong: 250 always, as in the first condition",
            parts("products.split(250)"),
            ("missing  500 products, at most 100 a request, in five: expected 5, got 2",),
        ),
        Answer(
            "wrong: filled into FP64",
            "answer = np.zeros((len(products), 64))\n"
            "for start in range(0, len(products), most):\n"
            "    answer[start : start + most] = ask(neighbourhood(products[start : start + most]))\n"
            "return answer",
            ("missing  600 products give FP32 [600, 64]: expected 'float32 [600, 64]', got 'float64 [600, 64]'",),
        ),
        Answer(
            "wrong: a list of rows",
            "return [row for part in products.split(most) for row in ask(neighbourhood(part))]",
            ("missing  600 products give FP32 [600, 64]: expected 'float32 [600, 64]', got 'list [600, 64]'", "6 of 7"),
        ),
        Answer(
            "wrong: a list of arrays",
            "return [ask(neighbourhood(part)) for part in products.split(most)]",
            ("missing  600 products give FP32 [600, 64]",),
        ),
        SOLUTION,
        Answer("right", parts("[products[start : start + most] for start in range(0, len(products), most)]"), ()),
        Answer("right: parts of one size", parts("torch.chunk(products, -(-len(products) // most))"), ()),
        Answer("right: by torch.split", parts("products.split(most)"), ()),
        Answer(
            "right: a tensor, filled",
            "answer = torch.empty(len(products), 64)\n"
            "for places in torch.arange(len(products)).split(most):\n"
            "    answer[places] = torch.from_numpy(ask(neighbourhood(products[places])))\n"
            "return answer",
            (),
        ),
    ],
    ids=lambda answer: answer.kind,
)
def test_embedding_many_products(triton_server, answer):
    EMBED_ALL.test(answer)
