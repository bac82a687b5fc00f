"""One thing about samples at several values: exactly that changes, and nothing else."""

from __future__ import annotations

import pytest
import torch

from ganeval.errors import OptionError
from ganeval.generators import CallableSource
from ganeval.generators.configuration import configured
from ganeval.generators.latent.paths import interpolated_styles, path_images
from ganeval.generators.latent.space import LatentSpace
from ganeval.generators.latent.traversing import moved, traversed_rows
from ganeval.generators.model import Sampler
from ganeval.generators.registry import MODELS
from ganeval.generators.sources.asked import Asked
from ganeval.generators.sources.model_weights import ModelOrigin
from ganeval.generators.sources.source import SampleSource


def space(name: str, asked: Asked | None = None, **options: object) -> LatentSpace:
    kind = MODELS.get(name)
    model = kind.initialised(configured(kind.Config, {"size": [8, 8], "channels": 1} | options), seed=0).eval()
    assert isinstance(model, Sampler)
    return LatentSpace(SampleSource(ModelOrigin(model, name), asked=asked))


def linear(prior: str = "normal") -> LatentSpace:
    """Images are the latent vectors themselves."""
    return LatentSpace(CallableSource(lambda z: (z / 4).reshape(-1, 1, 2, 4), latent=8, prior=prior))


def test_a_coordinate_is_all_that_changes() -> None:
    whole = linear()
    values, rows = traversed_rows(whole, [0, 5], "z6", [-2.0, 1.0])
    assert values == [-2.0, 1.0]
    plain = whole.images(whole.latents([0, 5]))
    for value, row in zip(values, rows, strict=True):
        for image, before in zip(row, plain, strict=True):
            assert image[0, 1, 2] == round((value / 4 + 1) * 127.5)
            others = torch.ones(2, 4, dtype=torch.bool)
            others[1, 2] = False
            assert torch.equal(image[0][others], before[0][others])


def test_usual_values_go_with_the_prior() -> None:
    assert traversed_rows(linear(), [0], "z0")[0] == [-2, -1, 0, 1, 2]
    assert traversed_rows(linear("uniform"), [0], "z0")[0] == [-1, -0.5, 0, 0.5, 1]


def test_codes_and_classes() -> None:
    codes = space("infogan", width=4, hidden=8, latent=4, categories=[3])
    assert traversed_rows(codes, [0], "c1")[0] == [0, 1, 2]
    assert traversed_rows(codes, [0], "c3")[0] == [-1, -0.5, 0, 0.5, 1]
    latents = codes.latents([0, 1])
    changed = moved(codes, latents, "c3", 0.25)
    assert changed["codes"][:, 1].tolist() == [0.25, 0.25]
    assert torch.equal(changed["codes"][:, 0], latents["codes"][:, 0])
    assert all(torch.equal(changed[name], latents[name]) for name in ("z", "categories"))
    classes = space("cgan", width=4, latent=4, classes=5)
    assert traversed_rows(classes, [0], "class")[0] == [0, 1, 2, 3, 4]
    assert moved(classes, classes.latents([0, 1]), "class", 4)["label"].tolist() == [4, 4]
    for value in (5, 0.5):
        with pytest.raises(OptionError, match="is asked for"):
            moved(classes, classes.latents([0]), "class", value)
    with pytest.raises(OptionError, match=r"Known: class, z0") as error:
        moved(classes, classes.latents([0]), "colour", 1)
    assert "colour" in error.value.message


def test_what_was_fixed_before_stays_so() -> None:
    codes = space("infogan", Asked(fixed={"c1": 2, "c2": 0.5}), width=4, hidden=8, latent=4, categories=[3])
    plain = space("infogan", width=4, hidden=8, latent=4, categories=[3])
    fixed, drawn = codes.latents([0, 7, 130]), plain.latents([0, 7, 130])
    assert fixed["categories"].tolist() == [[2]] * 3
    assert fixed["codes"][:, 0].tolist() == [0.5] * 3
    # All else is as it is without.
    assert torch.equal(fixed["codes"][:, 1], drawn["codes"][:, 1])
    assert torch.equal(fixed["z"], drawn["z"])


@pytest.mark.parametrize("psi", [None, 0.5])
def test_a_path_in_w_goes_straight_from_sample_to_sample(psi: float | None) -> None:
    styled = space("stylegan2", Asked(truncation=psi), width=4, widest=8, latent=8, style=8, mapping_layers=2)
    (path,) = interpolated_styles(styled, [3, 8], 5)
    model = styled.model
    ends = styled.styled(styled.latents([3, 8]))["w"]
    assert path["w"].shape == (5, model.style_count, 8)  # type: ignore[attr-defined]
    for step in range(5):
        torch.testing.assert_close(path["w"][step], ends[0] + step / 4 * (ends[1] - ends[0]))
    (images,) = path_images(styled, [3, 8], 5, "w")
    samples = styled.images(styled.latents([3, 8]))
    # The noise is the first one's throughout, and has no strength in first weights.
    assert (images[0].int() - samples[0].int()).abs().max() <= 1
    assert (images[-1].int() - samples[1].int()).abs().max() <= 1
    (other,) = path_images(styled, [3, 8], 5, "z")
    assert not torch.equal(other[2], images[2])
