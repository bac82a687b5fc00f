"""Generators of others: functions, TorchScript, ONNX, torch.hub, StyleGAN pickles and diffusers pipelines."""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

import ganeval
from ganeval.errors import ImageRangeError, ImageSourceError, OptionError, WeightsError
from ganeval.generators import CallableSource, open_generator
from ganeval.images.source import ImageSource, SourceOptions

Pixels = Callable[[ImageSource], npt.NDArray[np.uint8]]
TRUSTED = SourceOptions(count=120, trust=True)


@pytest.fixture
def expected(linear: nn.Module, pixels: Pixels) -> npt.NDArray[np.uint8]:
    """What the linear generator gives, called as a function."""
    return pixels(CallableSource(linear, latent=6, count=120))


def mean_colour(images: torch.Tensor) -> torch.Tensor:
    """An extractor that takes no time."""
    return images.float().mean((2, 3))


# --- functions


def test_a_callable_is_a_source_for_score(linear: nn.Module) -> None:
    source = CallableSource(linear, latent=6, count=60, name="mine")
    assert (source.name, source.count, source.fingerprint()) == ("generator:mine", 60, None)
    report = ganeval.score(source, metrics=["vendi"], extractor=mean_colour, level=None, cache=False)
    side = report.to_dict()["generated"]
    assert side["count"] == 60
    assert side["provenance"]["origin"] == "callable"
    assert len(side["provenance"]["weights_sha256"]) == 64


def test_images_of_a_callable_hang_on_their_number_alone(linear: nn.Module, expected: npt.NDArray[np.uint8]) -> None:
    items = list(CallableSource(linear, latent=6, count=120))
    for number in (119, 3, 60, 0):
        np.testing.assert_array_equal(items[number].load().pixels, expected[number])


def test_pixels_are_the_rounded_values_of_the_function() -> None:
    source = CallableSource(lambda z: z.reshape(-1, 1, 1, 2), latent=2, prior="uniform", count=5)
    z = source.blocks().raw_latents(0)["z"]
    for number, item in enumerate(source):
        expected = ((z[number] + 1) * 127.5).round().to(torch.uint8).numpy()
        np.testing.assert_array_equal(item.load().pixels[0, :, 0], expected)


@pytest.mark.parametrize(("declared", "scale", "shift"), [((0.0, 1.0), 0.5, 0.5), ((0.0, 255.0), 127.5, 127.5)])
def test_ranges(linear: nn.Module, pixels: Pixels, declared: Any, scale: float, shift: float) -> None:
    here = CallableSource(lambda z: linear(z) * scale + shift, latent=6, count=50, value_range=declared)
    there = CallableSource(linear, latent=6, count=50)
    assert np.abs(pixels(here).astype(int) - pixels(there)).max() <= 1


def test_what_a_function_draws_of_the_global_generator_is_repeatable_and_leaves_it_alone(pixels: Pixels) -> None:
    def noisy(z: torch.Tensor) -> torch.Tensor:
        return torch.rand(len(z), 3, 4, 4)

    before = torch.get_rng_state()
    first, again = (pixels(CallableSource(noisy, latent=1, count=70, value_range=(0.0, 1.0))) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert torch.equal(before, torch.get_rng_state())
    assert not np.array_equal(first, pixels(CallableSource(noisy, latent=1, count=70, seed=1, value_range=(0.0, 1.0))))


def test_classes_as_numbers_and_one_hot(pixels: Pixels) -> None:
    def by_index(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (labels.float() / 2 - 1)[:, None, None, None].expand(-1, 1, 2, 2)

    def by_row(z: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return by_index(z, rows @ torch.arange(4.0))

    source = CallableSource(by_index, latent=2, classes=4, count=30)
    for item in source:
        assert isinstance(item.label, int)
        assert item.load().pixels[0, 0, 0] == round(item.label / 2 * 127.5)
    np.testing.assert_array_equal(
        pixels(source), pixels(CallableSource(by_row, latent=2, classes=4, labels="one-hot", count=30))
    )
    chosen = CallableSource(by_index, latent=2, classes=4, count=3, label=2)
    assert {item.label for item in chosen} == {2}


def test_an_identity_makes_a_fingerprint_that_changes_with_the_weights(linear: nn.Module) -> None:
    def fingerprint(**options: Any) -> str | None:
        return CallableSource(linear, latent=6, identity="v1", **options).fingerprint()

    first = fingerprint()
    assert first == fingerprint()
    others = {fingerprint(seed=1), fingerprint(prior="uniform"), fingerprint(count=3), fingerprint(truncation=0.5)}
    with torch.no_grad():
        next(linear.parameters()).add_(1)
    others.add(fingerprint())
    assert len(others | {first}) == 6


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda z: z, "of shape"),
        (lambda z: torch.zeros(3, 1, 2, 2), "of shape"),
        (lambda z: None, "NoneType"),
        (lambda z: torch.full((len(z), 1, 2, 2), float("nan")), "NaN"),
        (lambda z: torch.full((len(z), 1, 2, 2), 200.0), "far outside the range -1,1"),
    ],
)
def test_functions_that_give_no_images(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(ImageRangeError, match=message):
        next(iter(CallableSource(function, latent=2, count=1))).load()


@pytest.mark.parametrize(
    "options",
    [
        {"latent": 0},
        {"latent": 2, "prior": "beta"},
        {"latent": 2, "classes": -1},
        {"latent": 2, "labels": "words"},
        {"latent": 2, "value_range": (0.0, 2.0)},
        {"latent": 2, "batch_size": 0},
        {"latent": 2, "batch_size": 101},
        {"latent": 2, "count": 0},
        {"latent": 2, "seed": -1},
        {"latent": 2, "label": 1},
        {"latent": 2, "truncation": -0.5},
        {"latent": 2, "truncation": 0.5, "prior": "uniform"},
    ],
)
def test_options_of_a_callable_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        CallableSource(lambda z: z, **options)


def test_pictures_of_two_channels_are_refused() -> None:
    with pytest.raises(ImageSourceError, match="2 channels"):
        next(iter(CallableSource(lambda z: z.reshape(-1, 2, 1, 1).tanh(), latent=2))).load()


# --- files


@pytest.fixture
def script(tmp_path: Path, linear: nn.Module) -> Path:
    path = tmp_path / "g.pt"
    torch.jit.save(torch.jit.trace(linear, torch.zeros(2, 6)), str(path))
    return path


@pytest.mark.filterwarnings("ignore:.*torch.jit.(trace|save):FutureWarning")
def test_torchscript(script: Path, pixels: Pixels, expected: npt.NDArray[np.uint8]) -> None:
    source = open_generator(f"{script}?latent=6", TRUSTED)
    np.testing.assert_array_equal(pixels(source), expected)
    assert source.provenance["origin"] == "torchscript"
    assert source.fingerprint() != open_generator(f"{script}?latent=6&prior=uniform", TRUSTED).fingerprint()


@pytest.mark.filterwarnings("ignore:.*torch.jit.(trace|save):FutureWarning")
def test_torchscript_told_a_wrong_latent(script: Path) -> None:
    with pytest.raises(WeightsError, match=r"fails on latent vectors of shape \(50, 7\): RuntimeError") as told:
        next(iter(open_generator(f"{script}?latent=7", TRUSTED))).load()
    assert "Traceback" not in str(told.value)


@pytest.mark.filterwarnings("ignore:.*torch.jit.(trace|save):FutureWarning")
def test_torchscript_is_refused_untrusted_and_where_it_is_none(script: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageSourceError, match="not trusted"):
        open_generator(f"{script}?latent=6", SourceOptions())
    with pytest.raises(OptionError, match="latent=128"):
        next(iter(open_generator(str(script), TRUSTED)))
    torch.save({"weights": torch.zeros(2)}, tmp_path / "state.pt")
    with pytest.raises(WeightsError, match="no TorchScript"):
        next(iter(open_generator(f"{tmp_path / 'state.pt'}?latent=6", TRUSTED)))


def onnx_linear(path: Path, linear: nn.Module, batch: int | str = "n", classes: int = 0) -> Path:
    """The linear generator as an ONNX graph; with classes, one-hot rows make it brighter."""
    onnx = pytest.importorskip("onnx", reason="onnx isn't installed")
    pytest.importorskip("onnxruntime", reason="onnxruntime isn't installed")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weight = next(linear.parameters()).detach().numpy().T.copy()
    arrays = {"w": weight, "shape": np.array([-1, 3, 4, 4])}
    nodes = [helper.make_node("MatMul", ["z", "w"], ["a"])]
    inputs = [helper.make_tensor_value_info("z", kind, [batch, 6])]
    last = "a"
    if classes:
        inputs.append(helper.make_tensor_value_info("label", kind, [batch, classes]))
        arrays["brightness"] = np.repeat(np.arange(classes, dtype=np.float32)[:, None], 48, 1)
        nodes += [
            helper.make_node("MatMul", ["label", "brightness"], ["b"]),
            helper.make_node("Add", ["a", "b"], ["c"]),
        ]
        last = "c"
    nodes += [helper.make_node("Tanh", [last], ["t"]), helper.make_node("Reshape", ["t", "shape"], ["images"])]
    graph = helper.make_graph(
        nodes,
        "g",
        inputs,
        [helper.make_tensor_value_info("images", kind, [batch, 3, 4, 4])],
        [onnx.numpy_helper.from_array(values, name) for name, values in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("batch", ["n", 1, 7, 150])
def test_onnx(
    tmp_path: Path, linear: nn.Module, pixels: Pixels, expected: npt.NDArray[np.uint8], batch: int | str
) -> None:
    path = onnx_linear(tmp_path / "g.onnx", linear, batch)
    source = open_generator(str(path), SourceOptions(count=120))
    assert np.abs(pixels(source).astype(int) - expected).max() <= 1
    np.testing.assert_array_equal(list(source)[88].load().pixels, pixels(source)[88])


def test_onnx_with_classes(tmp_path: Path, linear: nn.Module) -> None:
    path = onnx_linear(tmp_path / "g.onnx", linear, classes=3)
    means = [
        np.mean([item.load().pixels for item in open_generator(f"{path}?class={label}", SourceOptions(count=50))])
        for label in range(3)
    ]
    assert means[0] + 20 < means[1] < means[2] - 5


def test_onnx_files_that_cannot_run(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime isn't installed")
    (tmp_path / "g.onnx").write_bytes(b"no graph")
    with pytest.raises(WeightsError, match="no ONNX file"):
        next(iter(open_generator(str(tmp_path / "g.onnx"), SourceOptions())))


def test_onnx_without_the_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "g.onnx").touch()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(OptionError, match=r"ganeval\[onnx\]"):
        open_generator(str(tmp_path / "g.onnx"), SourceOptions())


# --- repositories

HUBCONF = """
import torch

class Net(torch.nn.Module):
    def __init__(self, bright):
        super().__init__()
        self.latent_dim = 6
        self.bright = torch.nn.Parameter(torch.tensor(float(bright)))
    def forward(self, z):
        return torch.tanh(z[:, :3, None, None].expand(-1, -1, 4, 4) + self.bright)

def net(bright=0):
    return Net(bright)
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "hubconf.py").write_text(HUBCONF)
    return folder


def test_hub_entry_of_a_local_repository(repository: Path, pixels: Pixels) -> None:
    plain = open_generator(f"hub:{repository}:net", TRUSTED)
    bright = open_generator(f"hub:{repository}:net?arg.bright=2", TRUSTED)
    assert pixels(bright).mean() > pixels(plain).mean() + 50
    assert bright.provenance["arguments"] == {"bright": 2}
    assert bright.provenance["weights_sha256"] != plain.provenance["weights_sha256"]
    assert plain.fingerprint() != bright.fingerprint()


def test_hub_refusals(repository: Path) -> None:
    with pytest.raises(ImageSourceError, match="not trusted"):
        open_generator(f"hub:{repository}:net", SourceOptions())
    with pytest.raises(WeightsError, match="nett in hubconf"):
        next(iter(open_generator(f"hub:{repository}:nett", TRUSTED)))
    with pytest.raises(ImageSourceError, match="names no entry"):
        open_generator("hub:just-a-name", TRUSTED)
    with pytest.raises(WeightsError, match="can't be loaded: TypeError"):
        next(iter(open_generator(f"hub:{repository}:net?arg.dark=1", TRUSTED)))
    with pytest.raises(OptionError, match="no option 'colour'"):
        open_generator(f"hub:{repository}:net?colour=1", TRUSTED)
    with pytest.raises(OptionError, match=r"arg\.a of the generator is '\['"):
        open_generator(f"hub:{repository}:net?arg.a=[", TRUSTED)


# --- StyleGAN pickles

NETWORKS = """
import torch

class Synthesis(torch.nn.Module):
    def forward(self, ws, noise_mode="random", force_fp32=False):
        assert noise_mode == "const" and force_fp32
        return ws[:, :3, 0, None, None].expand(-1, -1, 4, 4) * 1.2

class Mapping(torch.nn.Module):
    def forward(self, z, c, truncation_psi=1):
        w = z + c.sum(1, keepdim=True) * 0
        if c.shape[1]:
            w = w + (c @ torch.arange(float(c.shape[1])))[:, None]
        return (0.5 + truncation_psi * (w - 0.5))[:, None].repeat(1, 4, 1).transpose(1, 2)[:, :, :1].repeat(1, 1, 4)

class Generator(torch.nn.Module):
    def __init__(self, c_dim):
        super().__init__()
        self.z_dim, self.c_dim, self.img_resolution, self.img_channels = 6, c_dim, 4, 3
        self.mapping, self.synthesis = Mapping(), Synthesis()
"""


@pytest.fixture
def stylegan(tmp_path: Path) -> Iterator[Callable[[int], tuple[Path, Path]]]:
    """``stylegan(classes)``: a pickle with the interface of StyleGAN2-ADA's, and the folder of the code it needs."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "tiny_networks.py").write_text(NETWORKS)

    def make(classes: int) -> tuple[Path, Path]:
        sys.path.insert(0, str(code))
        try:
            import tiny_networks  # type: ignore[import-not-found]

            network = tiny_networks.Generator(classes)
        finally:
            sys.path.remove(str(code))
        path = tmp_path / "network.pkl"
        path.write_bytes(pickle.dumps({"G": None, "D": None, "G_ema": network}))
        del sys.modules["tiny_networks"]
        return path, code

    yield make
    sys.modules.pop("tiny_networks", None)


def test_stylegan_pickle(stylegan: Callable[[int], tuple[Path, Path]]) -> None:
    path, code = stylegan(0)
    source = open_generator(f"{path}?code={code}", TRUSTED)
    z = source.blocks().raw_latents(0)["z"]
    # Beyond [-1, 1] it is clipped, as the authors do it.
    expected = ((z[:, :3] * 1.2 + 1) * 127.5).round().clamp(0, 255)
    for number in (0, 50, 99):
        assert list(source)[number].load().pixels[0, 0].tolist() == expected[number].int().tolist()


def test_stylegan_truncation_and_classes(stylegan: Callable[[int], tuple[Path, Path]], pixels: Pixels) -> None:
    path, code = stylegan(3)
    middle = open_generator(f"{path}?code={code}&truncation=0", TRUSTED)
    assert set(pixels(middle).ravel().tolist()) == {round((0.5 * 1.2 + 1) * 127.5)}
    assert middle.provenance["truncation"] == {"method": "psi", "value": 0.0}
    assert {item.label for item in middle} == {0, 1, 2}
    means = [pixels(open_generator(f"{path}?code={code}&class={label}", TRUSTED)).mean() for label in range(3)]
    assert means[0] < means[1] < means[2]
    with pytest.raises(OptionError, match=r"psi is 1\.5"):
        open_generator(f"{path}?code={code}&truncation=1.5", TRUSTED)


def test_an_untrusted_pickle_is_not_even_opened(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "exploded"),)

    path = tmp_path / "network.pkl"
    path.write_bytes(pickle.dumps({"G_ema": Bomb()}))
    with pytest.raises(ImageSourceError, match="not trusted"):
        open_generator(str(path), SourceOptions())
    assert not (tmp_path / "exploded").exists()


def test_stylegan_pickles_that_cannot_be_loaded(stylegan: Callable[[int], tuple[Path, Path]], tmp_path: Path) -> None:
    path, _ = stylegan(0)
    with pytest.raises(WeightsError, match="code of its repository"):
        next(iter(open_generator(str(path), TRUSTED)))
    with pytest.raises(OptionError, match="no folder"):
        open_generator(f"{path}?code={tmp_path / 'missing'}", TRUSTED)
    path.write_bytes(b"no pickle")
    with pytest.raises(WeightsError, match="can't be unpickled"):
        next(iter(open_generator(str(path), TRUSTED)))
    path.write_bytes(pickle.dumps({"G_ema": 3}))
    with pytest.raises(WeightsError, match="no generator of StyleGAN"):
        next(iter(open_generator(str(path), TRUSTED)))


# --- diffusers

NEEDS_DIFFUSERS = pytest.mark.skipif(
    importlib.util.find_spec("diffusers") is None, reason="diffusers, an extra, isn't installed"
)


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

    torch.manual_seed(0)
    network = UNet2DModel(
        sample_size=8,
        in_channels=3,
        out_channels=3,
        layers_per_block=1,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    folder = tmp_path / "pipeline"
    DDIMPipeline(unet=network, scheduler=DDIMScheduler(num_train_timesteps=10)).save_pretrained(folder)
    return folder


@NEEDS_DIFFUSERS
@pytest.mark.slow
def test_a_diffusers_pipeline(pipeline: Path, pixels: Pixels) -> None:
    source = open_generator(f"{pipeline}?steps=2", SourceOptions(count=6))
    images = pixels(source)
    assert images.shape == (6, 8, 8, 3)
    assert len({image.tobytes() for image in images}) == 6
    fewer = open_generator(f"{pipeline}?steps=2", SourceOptions(count=1))
    np.testing.assert_array_equal(pixels(fewer)[0], images[0])
    assert source.provenance["pipeline"] == "DDIMPipeline"
    assert source.provenance["steps"] == 2
    assert source.sampler is None
    report = ganeval.score(source, metrics=["vendi"], extractor=mean_colour, level=None, cache=False)
    assert report.generated.count == 6
    with pytest.raises(OptionError, match="no classes"):
        open_generator(f"{pipeline}?steps=2&class=1", SourceOptions())


@pytest.mark.parametrize("change", ["code", "package", "class"])
def test_a_pipeline_with_code_of_its_own_needs_trust(tmp_path: Path, change: str) -> None:
    index: dict[str, Any] = {"_class_name": "DDIMPipeline", "unet": ["diffusers", "UNet2DModel"], "none": [None, None]}
    if change == "code":
        (tmp_path / "unet").mkdir()
        (tmp_path / "unet" / "mine.py").write_text("")
    elif change == "package":
        index["unet"] = ["mine", "Net"]
    else:
        index["_class_name"] = ["mine", "Pipeline"]
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ImageSourceError, match="not trusted"):
        open_generator(str(tmp_path), SourceOptions())


def test_a_folder_that_only_looks_like_a_pipeline(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(WeightsError, match="names no class"):
        open_generator(str(tmp_path), SourceOptions())


def test_pipelines_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "DDIMPipeline"}')
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(OptionError, match=r"ganeval\[diffusers\]"):
        open_generator(str(tmp_path), SourceOptions())
