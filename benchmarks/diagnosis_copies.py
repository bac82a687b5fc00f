"""How many constructed copies the diagnostic "copies" finds, by kind and share, and how many it imagines.

Fashion-MNIST: 50,000 of its training images as the training set, its other 10,000 training images as honest samples,
the 10,000 test images held out. Some of the samples are then replaced with copies of training images: exact, mirrored,
cropped to 26 or 24 of 28 pixels somewhere and enlarged again, with small noise, or compressed as JPEG.

    python benchmarks/diagnosis_copies.py [--training 50000] [--samples 10000] [--features efficientnet-lite0]
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganeval.diagnosis.memorisation.closeness import Closeness, feature_closeness, pixel_closeness, remarkably_close
from ganeval.diagnosis.memorisation.copies import Copies, find_copies
from ganeval.diagnosis.memorisation.thumbnails import thumbnails
from ganeval.features.engine import extract
from ganeval.features.extractor import FeatureExtractor
from ganeval.features.resolving import resolve_extractor
from ganeval.features.store import FeatureStore
from ganeval.images.arrays import ArraySource
from ganeval.images.opening import open_source
from ganeval.metrics.image_sets import as_reader

Images = npt.NDArray[np.uint8]
SHARES = (0.001, 0.01, 0.1)
_CANDIDATES = 20


def mirrored(image: Images, random: np.random.Generator) -> Images:
    return np.ascontiguousarray(image[:, ::-1])


def cropped(border: int) -> Callable[[Images, np.random.Generator], Images]:
    def crop(image: Images, random: np.random.Generator) -> Images:
        top, left = random.integers(0, 2 * border + 1, 2)
        part = image[top : top + 28 - 2 * border, left : left + 28 - 2 * border]
        return np.asarray(Image.fromarray(part).resize((28, 28), Image.Resampling.BILINEAR))

    return crop


def noisy(image: Images, random: np.random.Generator) -> Images:
    return np.clip(image + random.normal(0, 8, image.shape), 0, 255).astype(np.uint8)


def compressed(image: Images, random: np.random.Generator) -> Images:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=50)
    return np.asarray(Image.open(stream))


KINDS: dict[str, Callable[[Images, np.random.Generator], Images]] = {
    "exact": lambda image, random: image,
    "mirrored": mirrored,
    "cropped to 26/28": cropped(1),
    "cropped to 24/28": cropped(2),
    "noise, sd 8 of 255": noisy,
    "JPEG, quality 50": compressed,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--training", type=int, default=50_000, help="training images, at most 50,000")
    parser.add_argument("--samples", type=int, default=10_000, help="samples, of which the copies are a share")
    parser.add_argument("--features", default="efficientnet-lite0", help="extractor")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    random = np.random.default_rng(chosen.seed)
    extractor, _ = resolve_extractor(chosen.features)
    training, test = (_images(f"fashion-mnist:{part}") for part in ("train", "test"))
    honest = training[50_000 : 50_000 + chosen.samples]
    training, test = training[: chosen.training], test[: chosen.samples]
    started = time.process_time()
    stored = _stored("fashion-mnist:train", extractor)
    base = stored[: len(training)], _grey(training)
    fresh = _closeness(_stored("fashion-mnist:test", extractor)[: len(test)], test, base)
    ours = _closeness(stored[50_000 : 50_000 + chosen.samples], honest, base)
    print(f"honest: {_row(*_found(ours, fresh, 0))}   ({time.process_time() - started:.0f} s of CPU time)", flush=True)
    print("kind | share, % | estimated, % | p-value | copies | named | named wrongly")
    for kind, alter in KINDS.items():
        most = int(max(SHARES) * len(honest))
        sources = random.choice(len(training), most, replace=False)
        altered = np.stack([alter(training[row], random) for row in sources])
        copied = _closeness(_pooled(altered, extractor), altered, base)
        for share in SHARES:
            count = int(share * len(honest))
            mixed = [_mixed(c, o, count) for c, o in zip(copied, ours, strict=True)]
            print(f"{kind} | {100 * share:g} | {_row(*_found(mixed, fresh, count))}", flush=True)


def _found(ours: Sequence[Closeness], fresh: Sequence[Closeness], count: int) -> tuple[int, int, int, Copies]:
    pairs = [remarkably_close(*pair) for pair in zip(ours, fresh, strict=True)]
    result = find_copies([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    return count, int(result.near_copy[:count].sum()), int(result.near_copy[count:].sum()), result


def _mixed(copied: Closeness, honest: Closeness, count: int) -> Closeness:
    """The first `count` samples of the one, the others of the other."""
    return Closeness(*(np.concatenate([c[:count], h[count:]]) for c, h in zip(copied, honest, strict=True)))


def _row(count: int, found: int, false: int, result: Copies) -> str:
    excess = result.excess
    share = f"{100 * excess.share:.2g} [{100 * excess.low:.2g}, {100 * excess.high:.2g}]"
    return f"{share} | {result.p_value:.2g} | {count} | {found} | {false}"


def _images(name: str) -> Images:
    return np.stack([item.load().pixels[..., 0] for item in open_source(name)])


def _pooled(images: Images, extractor: FeatureExtractor) -> npt.NDArray[np.float32]:
    source = ArraySource(images[..., None], None, name="images", kind="benchmark")
    return extract(source, extractor).features.pooled


def _grey(images: Images) -> npt.NDArray[np.float32]:
    return thumbnails(as_reader("images", np.repeat(images[..., None], 3, axis=-1))).grey


def _stored(name: str, extractor: FeatureExtractor) -> npt.NDArray[np.float32]:
    return extract(open_source(name), extractor, store=FeatureStore()).features.pooled


def _closeness(
    pooled: npt.NDArray[np.float32], images: Images, base: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
) -> list[Closeness]:
    features = feature_closeness(pooled, base[0])
    pixels = pixel_closeness(_grey(images), base[1], features.near[:, :_CANDIDATES])
    return [features, pixels]


if __name__ == "__main__":
    main()
