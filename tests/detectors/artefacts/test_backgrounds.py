"""Even backgrounds: the same before every scene of a draw, untouched in the middle, and as often as was asked for."""

import numpy as np

from ganeval.detectors.artefacts.backgrounds import background

SCENE = np.random.default_rng(0).integers(40, 200, (96, 128, 3), dtype=np.uint8)


def test_none_and_all_of_the_draws() -> None:
    rng = np.random.default_rng(1)
    assert all(np.array_equal(background(rng, 0.0)(SCENE), SCENE) for _ in range(20))
    assert not any(np.array_equal(background(rng, 1.0)(SCENE), SCENE) for _ in range(20))


def test_two_scenes_of_a_draw_get_the_same_background() -> None:
    before = background(np.random.default_rng(3), 1.0)
    first, second = before(SCENE), before(255 - SCENE)
    corners = [(0, 0), (0, -1), (-1, 0), (-1, -1)]
    assert all((first[corner] == second[corner]).all() for corner in corners)
    # In the middle stands the scene itself.
    assert (first[44:52, 60:68] == SCENE[44:52, 60:68]).all()


def test_half_of_the_backgrounds_are_white() -> None:
    rng = np.random.default_rng(5)
    corners = [tuple(background(rng, 1.0)(SCENE)[0, 0]) for _ in range(200)]
    assert 70 < sum(corner == (255, 255, 255) for corner in corners) < 130


def test_drawing_uses_the_stream_alike_whether_or_not_something_is_done() -> None:
    streams = [np.random.default_rng(7) for _ in range(2)]
    for stream, share in zip(streams, (0.0, 1.0), strict=True):
        background(stream, share)
    assert streams[0].random() == streams[1].random()
