"""Rankings with ties: places are those that the decided pairs leave open."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.uncertainty.ranking import Place, ranking


def test_by_hand() -> None:
    # a beats c; b is told from neither.
    assert ranking(["a", "b", "c"], {("a", "c")}) == (Place("a", 1, 2), Place("b", 1, 3), Place("c", 2, 3))
    assert [place.text for place in ranking(["a", "b"], {("a", "b")})] == ["1", "2"]
    assert [place.text for place in ranking(["a", "b"], set())] == ["1–2", "1–2"]


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(5)), st.sets(st.sampled_from(list(itertools.combinations(range(5), 2)))))
def test_true_places_are_among_those_given_if_no_decision_is_false(
    order: list[int], told: set[tuple[int, int]]
) -> None:
    # order[i] is the true place of i; of every told pair the truly better one is named.
    better = {(str(i), str(j)) if order[i] < order[j] else (str(j), str(i)) for i, j in told}
    for place in ranking([str(i) for i in range(5)], better):
        assert place.best <= order[int(place.name)] + 1 <= place.worst
