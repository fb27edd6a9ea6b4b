"""Hit rates against a ranking written out by hand, and what is held out of the co-purchase training."""

import numpy as np
import pytest

from workshop.graph import held_out, ranking

PAIRS = np.array([[0, 1], [0, 2], [1, 2], [2, 3], [3, 4], [4, 5]])


def by_hand(scores, queries, partners, known, wanted):
    """The chance of each pair to be among the best, averaged; products of one score come in any order."""
    total = 0.0
    for query, partner in zip(queries, partners):
        others = {p for q, p in zip(queries, partners) if q == query}
        rivals = [
            scores[query][node]
            for node in range(len(scores))
            if node != query and node not in others and not known[query, node]
        ]
        ahead = sum(score > scores[query][partner] for score in rivals)
        equal = sum(score == scores[query][partner] for score in rivals)
        total += sum(ahead + place < wanted for place in range(equal + 1)) / (equal + 1)
    return total / len(queries)


@pytest.mark.parametrize("seed", range(20))
def test_hit_rate_is_what_a_ranking_by_hand_gives(seed):
    random = np.random.default_rng(seed)
    nodes = 30
    edges = np.unique(np.sort(random.integers(nodes, size=(80, 2)), axis=1), axis=0)
    edges = random.permutation(edges[edges[:, 0] != edges[:, 1]])
    known, asked = ranking.adjacency(edges[:50], nodes), ranking.both_ways(edges[50:])
    table = random.integers(12, size=(nodes, nodes)).astype(np.float32)  # many products with the same score
    for wanted in (1, 3, 10):
        expected = by_hand(table, *asked, known.toarray(), wanted)
        measured = ranking.hit_rate(lambda queries: table[queries], *asked, known, wanted=wanted)
        assert measured == pytest.approx(expected)
        order = random.permutation(len(asked[0]))
        hits = ranking.hits(lambda queries: table[queries], *asked, known, wanted=wanted)
        shuffled = ranking.hits(lambda queries: table[queries], *(part[order] for part in asked), known, wanted=wanted)
        assert hits.mean() == pytest.approx(expected) and np.array_equal(hits[order], shuffled)


def test_hit_rate_does_not_depend_on_how_many_queries_are_ranked_at_a_time(monkeypatch):
    random = np.random.default_rng(1)
    edges = np.array([[one, other] for one in range(40) for other in range(one + 1, 40) if random.random() < 0.2])
    known, asked = ranking.adjacency(edges[::2], 40), ranking.both_ways(edges[1::2])
    scores = ranking.cosine(random.standard_normal((40, 8)))
    whole = ranking.hit_rate(scores, *asked, known, wanted=5)
    monkeypatch.setattr(ranking, "SCORES", 7 * 40)
    assert ranking.hit_rate(scores, *asked, known, wanted=5) == pytest.approx(whole)
    assert 0 < whole < 1


def test_a_perfect_ranking_hits_always_and_the_worst_one_never():
    known, asked = ranking.adjacency(PAIRS[:3], 30), ranking.both_ways(PAIRS[3:])
    right = ranking.adjacency(PAIRS[3:], 30).toarray()
    assert ranking.hit_rate(lambda queries: right[queries], *asked, known) == 1
    assert ranking.hit_rate(lambda queries: -right[queries], *asked, known) == 0


def test_scores_that_say_nothing_hit_by_chance():
    asked = ranking.both_ways(np.array([[0, 1]]))
    rate = ranking.hit_rate(lambda queries: np.zeros((len(queries), 101)), *asked, ranking.adjacency(PAIRS[:0], 101))
    assert rate == pytest.approx(10 / 100)


def test_without_pairs_there_is_no_rate():
    none = np.zeros(0, dtype=np.int64)
    assert np.isnan(ranking.hit_rate(ranking.cosine(np.ones((3, 2))), none, none, ranking.adjacency(PAIRS[:1], 3)))


def test_cosine_of_a_vector_of_zeros_is_zero():
    scores = ranking.cosine(np.array([[0.0, 0.0], [3.0, 4.0]]))(np.array([0, 1]))
    assert np.allclose(scores, [[0, 0], [0, 1]])


def test_simple_rules():
    known = ranking.adjacency(PAIRS, 6)
    assert ranking.popularity(known)(np.array([0, 5])).tolist() == [[2, 2, 3, 2, 2, 1]] * 2
    common = ranking.common_partners(known)(np.array([0]))[0]
    # 0 and 3 share product 2, which has three partners; 0 and 1 share it as well; 0 and 5 share none.
    assert common[3] == pytest.approx(1 / np.log(3)) and common[1] == pytest.approx(1 / np.log(3)) and common[5] == 0


def test_held_out_parts_are_the_whole_and_share_nothing():
    random = np.random.default_rng(0)
    pairs = np.unique(np.sort(random.integers(500, size=(6_000, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    parts = held_out.hold_out(pairs, 500)
    pieces = [parts.train, parts.valid, parts.test, parts.new_known, parts.new_test]
    assert sorted(map(tuple, np.concatenate(pieces))) == sorted(map(tuple, pairs))
    assert len(parts.new_products) == 50
    for piece in pieces[:3]:
        assert not np.isin(piece, parts.new_products).any()
    for piece in pieces[3:]:
        assert np.isin(piece, parts.new_products).any(axis=1).all()
    old = sum(map(len, pieces[:3]))
    assert len(parts.test) / old == pytest.approx(0.1, abs=0.02)
    assert len(parts.valid) / old == pytest.approx(0.05, abs=0.02)
    assert len(parts.new_test) / (len(parts.new_test) + len(parts.new_known)) == pytest.approx(0.1, abs=0.04)


def test_held_out_is_the_same_every_time_and_another_with_another_seed():
    first, again, other = (held_out.hold_out(PAIRS, 6, seed=seed) for seed in (3, 3, 4))
    assert all(np.array_equal(getattr(first, name), getattr(again, name)) for name in vars(first))
    assert not all(np.array_equal(getattr(first, name), getattr(other, name)) for name in vars(first))


def test_new_products_with_few_partners():
    random = np.random.default_rng(2)
    pairs = np.unique(np.sort(random.integers(200, size=(3_000, 2)), axis=1), axis=0)
    parts = held_out.hold_out(pairs[pairs[:, 0] != pairs[:, 1]], 200)
    whole = set(map(tuple, parts.known.tolist()))
    for partners in (0, 1, 3, 1_000):
        graph = parts.with_at_most(partners)
        degree = np.bincount(graph.ravel(), minlength=200)[parts.new_products]
        assert degree.max() == min(partners, degree.max()) and (degree > 0).all() == (partners > 0)
        assert set(map(tuple, parts.train.tolist())) <= set(map(tuple, graph.tolist())) <= whole
    assert len(parts.with_at_most(1_000)) == len(parts.known)


def test_in_a_large_graph_only_some_pairs_are_asked_for(monkeypatch):
    pairs = np.array([[one, other] for one in range(60) for other in range(one + 1, 60)])
    whole = held_out.hold_out(pairs, 60)
    monkeypatch.setattr(held_out, "MOST", 50)
    some = held_out.hold_out(pairs, 60)
    for name in ("valid", "test", "new_test"):
        asked, all_of_it = (set(map(tuple, getattr(parts, name).tolist())) for parts in (some, whole))
        assert len(asked) == min(50, len(all_of_it)) and asked <= all_of_it
    assert np.array_equal(some.train, whole.train) and np.array_equal(some.known, whole.known)
