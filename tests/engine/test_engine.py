"""The engine against closed forms: order, batches, threads, corrupt images, memory, what it says."""

from __future__ import annotations

import time
import weakref

import numpy as np
import pytest
import torch

from ganeval.errors import CorruptImageError, ExtractorError, ImageSourceError, OptionError
from ganeval.features.devices import exact_float32, resolve_device
from ganeval.features.engine import extract
from ganeval.features.extractor import ExtractorOutput


@pytest.mark.parametrize("thread_safe", [True, False])
@pytest.mark.parametrize("batch_size", [1, 3, 7, 64])
@pytest.mark.parametrize("workers", [1, 4])
def test_features_are_those_of_each_image_in_order(
    known_source, channel_sums, expected, thread_safe, batch_size, workers
):
    source = known_source(50)
    features = extract(
        source, channel_sums(thread_safe=thread_safe), batch_size=batch_size, workers=workers, device="cpu"
    ).features
    np.testing.assert_allclose(features.pooled, expected(source), rtol=1e-5)
    np.testing.assert_array_equal(features.logits, -features.pooled)
    assert features.pooled.dtype == np.float32
    assert features.ids == tuple(f"image-{i}" for i in range(50))
    assert features.labels == tuple(i % 3 for i in range(50))
    assert [info.width for info in features.images] == [array.shape[1] for array in source.arrays]


def test_an_unsafe_extractor_runs_in_the_calling_thread_only(known_source, channel_sums):
    extractor = channel_sums(thread_safe=False)
    extract(known_source(30), extractor, batch_size=2, workers=4, device="cpu")
    assert extractor.threads == {"MainThread"}


def test_a_source_of_unknown_length_gives_the_same(known_source, channel_sums, expected):
    source = known_source(23, length_known=False)
    features = extract(source, channel_sums(), batch_size=5, device="cpu").features
    np.testing.assert_allclose(features.pooled, expected(source), rtol=1e-5)


def test_an_extractor_that_does_not_resize_gets_each_size_by_itself(known_source, channel_sums, expected):
    class AtNativeSize(channel_sums):
        def prepare(self, images: torch.Tensor) -> torch.Tensor:
            return images

        def forward(self, prepared: torch.Tensor) -> ExtractorOutput:
            return super().forward(channel_sums.prepare(self, prepared))

    source = known_source(60)
    features = extract(source, AtNativeSize(), batch_size=16, device="cpu").features
    np.testing.assert_allclose(features.pooled, expected(source), rtol=1e-5)


def test_previews_do_not_depend_on_batches(known_source, channel_sums):
    source = known_source(300)
    one = extract(source, channel_sums(), batch_size=7, device="cpu").features.previews
    other = extract(source, channel_sums(), batch_size=64, workers=1, device="cpu").features.previews
    assert len(one) == 48
    assert [preview.id for preview in one] == [preview.id for preview in other]
    for preview in one:
        np.testing.assert_array_equal(preview.pixels, source.arrays[int(preview.id.split("-")[1])])


def test_corrupt_images_are_all_named(known_source, channel_sums):
    source = known_source(40, bad=frozenset({11, 12, 30}))
    with pytest.raises(CorruptImageError) as caught:
        extract(source, channel_sums(), batch_size=4, device="cpu")
    assert [name for name, _ in caught.value.failures] == ["image-11", "image-12", "image-30"]
    assert caught.value.complete
    assert "3 corrupt images" in str(caught.value)
    assert "--on-error skip" in str(caught.value)


def test_only_the_first_ten_corrupt_images_are_listed(known_source, channel_sums):
    source = known_source(100, bad=frozenset(range(20, 90)))
    with pytest.raises(CorruptImageError) as caught:
        extract(source, channel_sums(), batch_size=4, device="cpu")
    assert [name for name, _ in caught.value.failures] == [f"image-{i}" for i in range(20, 30)]
    assert "at least 10 corrupt images" in str(caught.value)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_skipped_images_are_counted_and_the_rest_scored(known_source, channel_sums, expected, batch_size):
    source = known_source(40, bad=frozenset({0, 12, 39}))
    features = extract(source, channel_sums(), batch_size=batch_size, on_error="skip", device="cpu").features
    np.testing.assert_allclose(features.pooled, expected(source), rtol=1e-5)
    assert [name for name, _ in features.skipped] == ["image-0", "image-12", "image-39"]
    assert "image-12" not in features.ids


def test_nothing_left_is_an_error(known_source, channel_sums):
    with pytest.raises(ImageSourceError, match="none of the 3 images"):
        extract(known_source(3, bad=frozenset({0, 1, 2})), channel_sums(), on_error="skip", device="cpu")
    with pytest.raises(ImageSourceError, match="has no images"):
        extract(known_source(0), channel_sums(), device="cpu")


@pytest.mark.parametrize("thread_safe", [True, False])
def test_the_batch_is_halved_until_it_fits(known_source, channel_sums, expected, thread_safe):
    source = known_source(100)
    extractor = channel_sums(fits=5, thread_safe=thread_safe)
    extraction = extract(source, extractor, batch_size=32, device="cpu")
    np.testing.assert_allclose(extraction.features.pooled, expected(source), rtol=1e-5)
    assert extractor.largest <= 5
    assert [notice.code for notice in extraction.notices] == ["batch-size-reduced"]
    assert "reduced to 4" in extraction.notices[0].message


def test_one_image_too_large_is_an_error(known_source, channel_sums):
    with pytest.raises(ExtractorError, match="single image"):
        extract(known_source(3), channel_sums(fits=0), batch_size=2, device="cpu")


def test_a_failed_attempt_leaves_the_memory_before_the_next(known_source, channel_sums):
    class Greedy(channel_sums):
        def forward(self, prepared: torch.Tensor) -> ExtractorOutput:
            assert all(activation() is None for activation in alive)
            activation = prepared * 2
            alive.append(weakref.ref(activation))
            output = super().forward(prepared)
            alive.clear()
            return output

    alive: list[weakref.ref[torch.Tensor]] = []
    extraction = extract(known_source(16), Greedy(fits=4, thread_safe=False), batch_size=16, device="cpu")
    assert len(extraction.features) == 16


def test_a_batch_for_the_network_is_decoded_in_small_parts(known_source, channel_sums):
    source = known_source(400)
    waiting = []

    class Slow(channel_sums):
        def forward(self, prepared: torch.Tensor) -> ExtractorOutput:
            time.sleep(0.05)
            waiting.append(len(source.decoded) - done[0])
            done[0] += len(prepared)
            return super().forward(prepared)

    done = [0]
    extractor = Slow(thread_safe=False)
    extract(source, extractor, batch_size=100, workers=4, device="cpu")
    assert extractor.largest == 100
    # The batch itself and what four threads decode ahead, not eight further batches.
    assert max(waiting) <= 100 + 2 * 4 * 8


@pytest.mark.parametrize("batch_size", [5, 8, 20, 64])
def test_the_network_gets_batches_of_the_size_asked_for(known_source, channel_sums, batch_size):
    extractor = channel_sums(thread_safe=False)
    extract(known_source(70), extractor, batch_size=batch_size, device="cpu")
    assert extractor.largest == batch_size


def test_features_of_different_lengths_are_an_error(known_source, channel_sums):
    class Flat(channel_sums):
        def prepare(self, images: torch.Tensor) -> torch.Tensor:
            return images

        def forward(self, prepared: torch.Tensor) -> ExtractorOutput:
            return ExtractorOutput(prepared.flatten(1).float())

    for batch_size in (1, 30):
        with pytest.raises(ExtractorError, match="features for some images, and"):
            extract(known_source(30), Flat(), batch_size=batch_size, device="cpu")


@pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="this PyTorch has the older switches")
def test_a_gpu_computes_in_whole_float32():
    switches = [torch.backends.cudnn.conv, torch.backends.cuda.matmul]
    before = [switch.fp32_precision for switch in switches]
    with exact_float32(torch.device("cuda")):
        assert [switch.fp32_precision for switch in switches] == ["ieee", "ieee"]
    assert [switch.fp32_precision for switch in switches] == before
    with exact_float32(torch.device("cpu")):
        assert [switch.fp32_precision for switch in switches] == before


def test_other_runtime_errors_are_not_taken_for_memory(known_source, channel_sums):
    class Broken(channel_sums):
        def forward(self, prepared: torch.Tensor) -> ExtractorOutput:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        extract(known_source(3), Broken(), device="cpu")


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (lambda x: ExtractorOutput(x[:, :, None]), "returned shape"),
        (lambda x: ExtractorOutput(x[:1]), "returned shape"),
        (lambda x: ExtractorOutput(x, x[:1]), "as logits"),
        (lambda x: ExtractorOutput(x, x[:, :, None]), "as logits"),
        (lambda x: ExtractorOutput(x * float("nan")), "NaN or infinite"),
    ],
)
def test_outputs_that_cannot_be_features_are_errors(known_source, channel_sums, output, sentence):
    class Odd(channel_sums):
        def forward(self, prepared: torch.Tensor) -> ExtractorOutput:
            return output(prepared)

    with pytest.raises(ExtractorError, match=sentence):
        extract(known_source(4), Odd(), device="cpu")


@pytest.mark.parametrize("option", [{"batch_size": 0}, {"workers": 0}, {"on_error": "ignore"}])
def test_options_out_of_range(known_source, channel_sums, option):
    with pytest.raises(OptionError):
        extract(known_source(3), channel_sums(), device="cpu", **option)


@pytest.mark.parametrize(
    "device", ["gpu", "cuda:99", "meta", "", "xla", None, torch.device("meta"), torch.device("cuda:99")]
)
def test_devices_that_are_not_there(device):
    with pytest.raises(OptionError):
        resolve_device(device)


def test_the_number_of_threads_is_given_back(known_source, channel_sums):
    before = torch.get_num_threads()
    extract(known_source(20), channel_sums(), batch_size=2, device="cpu")
    assert torch.get_num_threads() == before


def test_progress_counts_every_image(known_source, channel_sums):
    told: list[tuple[str, int]] = []

    class Listener:
        def start(self, label, total, unit="images", done=0):
            told.append((label, total))
            return self

        def advance(self, count):
            told.append(("advance", count))

        def finish(self):
            told.append(("finish", 0))

    extract(known_source(20), channel_sums(), batch_size=8, device="cpu", progress=Listener(), label="real")
    assert told[0] == ("real", 20)
    assert told[-1] == ("finish", 0)
    assert sum(count for what, count in told if what == "advance") == 20
