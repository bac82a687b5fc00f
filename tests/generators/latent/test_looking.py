"""Style mixing, truncation sweeps, nearest neighbours and grids."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ganeval
from ganeval.errors import OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.latent.mixing import mixed_rows
from ganeval.generators.latent.neighbours import nearest
from ganeval.generators.latent.space import LatentSpace
from ganeval.generators.latent.truncating import truncated_rows
from ganeval.generators.picture import grid, save_picture
from ganeval.generators.registry import MODELS
from ganeval.generators.sources.asked import Asked
from ganeval.generators.sources.model_weights import ModelOrigin
from ganeval.generators.sources.source import SampleSource


@pytest.fixture(scope="module")
def spaces() -> Callable[..., LatentSpace]:
    """``spaces("stylegan2")``: the latent space of such a model with first weights."""

    def make(name: str, asked: Asked | None = None, **config: Any) -> LatentSpace:
        kind = MODELS.get(name)
        values: dict[str, Any] = {"size": [16, 16], "channels": 3, "width": 8} | config
        model = kind.initialised(configured(kind.Config, values), seed=0).eval()
        return LatentSpace(SampleSource(ModelOrigin(model, name), asked=asked))

    return make


def test_mixing_all_layers_gives_the_other_and_none_gives_oneself(spaces: Callable[..., LatentSpace]) -> None:
    space = spaces("stylegan2")
    every = list(range(space.style_count))
    header, first, second = mixed_rows(space, [0, 1], [2, 3], every)
    plain = space.images(space.latents([0, 1, 2, 3]))
    assert header[0] is None
    for shown, expected in zip(header[1:], plain[2:], strict=True):
        assert torch.equal(shown, expected)
    for row, beside in zip((first, second), plain[:2], strict=True):
        assert torch.equal(row[0], beside)
        for mixed, above in zip(row[1:], plain[2:], strict=True):
            # The noise is still the row's.
            assert (mixed.float() - above.float()).abs().mean() < (mixed.float() - beside.float()).abs().mean()
    for row in mixed_rows(space, [0, 1], [2, 3], [])[1:]:
        assert all((shown.int() - row[0].int()).abs().max() <= 1 for shown in row[1:])


def test_mixing_needs_styles_and_existing_layers(spaces: Callable[..., LatentSpace]) -> None:
    with pytest.raises(OptionError, match="can't mix styles"):
        mixed_rows(spaces("dcgan"), [0], [1])
    with pytest.raises(OptionError, match="99"):
        mixed_rows(spaces("stylegan2"), [0], [1], [99])


def test_truncation_rows(spaces: Callable[..., LatentSpace]) -> None:
    space = spaces("stylegan2")
    method, rows = truncated_rows(space, [0, 5, 9], [0.0, 0.5, 1.0])
    assert method == "psi"
    assert len(rows) == 4
    for image, untruncated in zip(rows[2], rows[3], strict=True):
        assert (image.int() - untruncated.int()).abs().max() <= 1
    # ψ = 0 gives one style.
    assert (rows[0][0].int() - rows[0][1].int()).abs().float().mean() < 2
    assert (rows[3][0].int() - rows[3][1].int()).abs().float().mean() > 2
    with pytest.raises(OptionError, match="psi is 5"):
        truncated_rows(space, [0], [5.0])
    with pytest.raises(OptionError, match="can't truncate by 'threshold'"):
        truncated_rows(space, [0], [0.5], "threshold")
    with pytest.raises(OptionError, match="no truncation"):
        truncated_rows(spaces("dcgan"), [0], [0.5])


def test_samples_by_number_are_those_of_the_source(spaces: Callable[..., LatentSpace]) -> None:
    asked = Asked(label=1, truncation=0.3)
    space = spaces("biggan", asked, classes=3, channels=1, width=4)
    source = space._source
    images = space.images(space.latents([0, 7, 140]))
    for image, number in zip(images, (0, 7, 140), strict=True):
        assert torch.equal(image, source.blocks().image(number)[0])


REAL = torch.randint(256, (700, 3, 6, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_neighbours_by_pixels_are_those_of_a_plain_search() -> None:
    samples = torch.randint(256, (4, 3, 6, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    found = nearest(list(samples), ganeval.open_source(REAL), 3)
    for sample, row in zip(samples, found, strict=True):
        distances = ((REAL.double() - sample.double()) ** 2).mean((1, 2, 3)).sqrt()
        values, places = distances.sort()
        assert [neighbour.id for neighbour in row] == [f"tensor[{place}]" for place in places[:3]]
        assert [neighbour.distance for neighbour in row] == pytest.approx(values[:3].tolist())
        assert torch.equal(row[0].image, REAL[places[0]])


def test_a_copy_is_its_own_neighbour_at_distance_0() -> None:
    for number in (0, 511, 512, 699):
        (row,) = nearest([REAL[number]], ganeval.open_source(REAL), 1)
        assert (row[0].id, row[0].distance) == (f"tensor[{number}]", 0.0)


def test_grey_samples_larger_images_and_fewer_than_k() -> None:
    grey = torch.full((1, 3, 3), 200, dtype=torch.uint8)
    real = torch.stack([torch.full((3, 12, 12), level, dtype=torch.uint8) for level in (10, 190, 230)])
    (row,) = nearest([grey], ganeval.open_source(real), 9)
    assert [neighbour.distance for neighbour in row] == pytest.approx([10, 30, 190])
    assert row[0].image.shape == (3, 3, 3)


def test_neighbours_by_features(monkeypatch: pytest.MonkeyPatch) -> None:
    from ganeval.generators.latent import neighbours

    class Brightness:
        def __call__(self, images: torch.Tensor) -> torch.Tensor:
            return images.float().mean((2, 3))

    resolve = neighbours.resolve_extractor
    monkeypatch.setattr(neighbours, "resolve_extractor", lambda name, request: resolve(Brightness(), request))
    (row,) = nearest([REAL[3]], ganeval.open_source(REAL), 2, by="brightness", device="cpu")
    assert row[0].id == "tensor[3]"
    means = REAL.float().mean((2, 3))
    assert row[1].distance == pytest.approx(float((means - means[3]).norm(dim=1).sort().values[1]), rel=1e-4)


def test_no_neighbours_to_find() -> None:
    with pytest.raises(OptionError, match="0 neighbours"):
        nearest([REAL[0]], ganeval.open_source(REAL), 0)


def test_a_grid_has_every_picture_enlarged_by_whole_pixels(tmp_path: Path) -> None:
    first = torch.randint(256, (1, 8, 16), dtype=torch.uint8)
    second = torch.randint(256, (3, 8, 16), dtype=torch.uint8)
    picture = grid([[first.expand(3, -1, -1)], [None, second]])
    values = np.asarray(picture)
    # 16 wide becomes 64, 4 times; gaps of 2.
    assert values.shape == (2 * 34 + 2, 2 * 66 + 2, 3)
    np.testing.assert_array_equal(values[2:34:4, 2:66:4], first.expand(3, -1, -1).permute(1, 2, 0).numpy())
    np.testing.assert_array_equal(values[36:68:4, 68:132:4], second.permute(1, 2, 0).numpy())
    save_picture(picture, tmp_path / "g.png", {"seed": 3})
    with Image.open(io.BytesIO((tmp_path / "g.png").read_bytes())) as read:
        assert read.text == {"ganeval": '{"seed": 3}'}


def test_rows_of_several_sizes_are_enlarged_alike() -> None:
    grey, red = torch.full((1, 3, 4), 7, dtype=torch.uint8), torch.zeros(3, 5, 6, dtype=torch.uint8)
    red[0] = 255
    sheet = np.asarray(grid([[grey] * 2, [red] * 3], smallest=1))
    assert sheet.shape == (3 + 5 + 3 * 2, 3 * 8 + 2, 3)
    assert (sheet[2:5, 2:6] == 7).all()
    assert (sheet[7:12, 2:8] == [255, 0, 0]).all()
    assert (sheet[5:7] == 255).all()
    assert np.asarray(grid([[grey] * 2, [red] * 3], smallest=12)).shape == (6 + 10 + 3 * 2, 3 * 14 + 2, 3)
    assert np.asarray(grid([[grey, grey]], smallest=1)).shape == (7, 14)


def test_names_take_room_and_show() -> None:
    cell = torch.zeros(1, 64, 64, dtype=torch.uint8)
    plain, named = grid([[cell]]), grid([[cell]], ["a row"], ["a column"])
    assert named.width > plain.width
    assert named.height > plain.height
    assert np.asarray(named)[:, : named.width - plain.width].min() < 128


def test_grids_that_cannot_be() -> None:
    with pytest.raises(OptionError, match="no images"):
        grid([[None], []])
    with pytest.raises(OptionError, match="one size"):
        grid([[torch.zeros(1, 2, 2, dtype=torch.uint8), torch.zeros(1, 3, 2, dtype=torch.uint8)]])
    with pytest.raises(OptionError, match="1 or 3 channels"):
        grid([[torch.zeros(2, 2, 2, dtype=torch.uint8)]])
