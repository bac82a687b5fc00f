"""The value that infinitely many images would give, for each metric and pair of distributions where it can be known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from coverage_simulation.distributions import Matrix, Mixture, Vector
from coverage_simulation.other_scenes import SIDE, ImageScene
from coverage_simulation.scenes import Scene
from ganeval.metrics.power_spectrum import default_bins, power_profile

_SEED = 20_26


@dataclass(frozen=True)
class Truth:
    """A population's value, the standard error with which it is known, and how it was found, in words."""

    value: float
    error: float
    how: str


#: What a truth is computed from: the scene and all of the metric's parameters.
Finder = Callable[[Any, Mapping[str, Any]], Truth | None]


def frechet(scene: Scene, parameters: Mapping[str, Any]) -> Truth:
    """‖μr − μg‖² + tr Σr + tr Σg − 2 tr (Σr^½ Σg Σr^½)^½ of the exact moments."""
    sigma_real, sigma_generated = scene.real.covariance(), scene.generated.covariance()
    values, vectors = np.linalg.eigh(sigma_real)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ sigma_generated @ root)
    gap = scene.real.mean() - scene.generated.mean()
    traces = np.trace(sigma_real) + np.trace(sigma_generated)
    value = gap @ gap + traces - 2 * np.sqrt(np.clip(cross, 0, None)).sum()
    return Truth(max(float(value), 0.0), 0.0, "closed form")


def frechet_within_classes(scene: Scene, parameters: Mapping[str, Any]) -> Truth | None:
    """Mean over a mixture's components of the Fréchet distance between the two sides' component."""
    if not isinstance(scene.real, Mixture) or not isinstance(scene.generated, Mixture):
        return None
    components = range(len(scene.real.weights))
    pairs = [Scene(scene.real.component(number), scene.generated.component(number)) for number in components]
    return Truth(float(np.mean([frechet(pair, parameters).value for pair in pairs])), 0.0, "closed form")


def spectral_distance(scene: ImageScene, parameters: Mapping[str, Any], *, draws: int = 40_000) -> Truth:
    """Root mean square difference of the mean profiles of `draws` images a side, less what their noise adds."""
    rng = np.random.default_rng(_SEED)
    bins = default_bins(SIDE) if parameters["bins"] is None else int(parameters["bins"])
    if scene.real == scene.generated:
        return Truth(0.0, 0.0, "equal distributions")
    means, variances = [], []
    for side in (scene.real, scene.generated):
        profiles = np.array(
            [power_profile(image, bins, window=parameters["window"]) for image in side.draw_images(draws, rng)]
        )
        means.append(profiles.mean(axis=0))
        variances.append(profiles.var(axis=0) / draws)
    gap, noise = means[0] - means[1], variances[0] + variances[1]
    value = float(np.sqrt(max((gap**2 - noise).mean(), 0.0)))
    error = float(np.sqrt((gap**2 * noise).sum()) / bins / value) * np.sqrt(bins)
    return Truth(value, error, "Monte Carlo")


def polynomial_mmd(scene: Scene, parameters: Mapping[str, Any]) -> Truth | None:
    """Squared MMD with (γ·x·y + c)^degree, degree up to 3, between mixtures of Gaussians."""
    degree, coef0 = int(parameters["degree"]), float(parameters["coef0"])
    gamma = 1 / scene.real.dimension if parameters["gamma"] is None else float(parameters["gamma"])
    if degree > 3:
        return None

    def kernel(a: Gaussian, b: Gaussian) -> float:
        powers = _powers_of_product(a, b)
        return sum(
            float(np.prod(range(degree - j + 1, degree + 1)) / np.prod(range(1, j + 1)))
            * gamma**j * coef0 ** (degree - j) * powers[j]
            for j in range(degree + 1)
        )  # fmt: skip

    return _mmd(scene, kernel, float(parameters.get("scale", 1.0)))


def gaussian_kernel_mmd(scene: Scene, parameters: Mapping[str, Any]) -> Truth | None:
    """Squared MMD with exp(−‖x−y‖²/2σ²) between mixtures of Gaussians, for features that aren't normalised."""
    if parameters["normalise"] or isinstance(parameters["sigma"], str):
        return None
    sigma = float(parameters["sigma"])

    def kernel(a: Gaussian, b: Gaussian) -> float:
        total = a.covariance + b.covariance
        gap = a.mean - b.mean
        widened = total / sigma**2 + np.eye(len(gap))
        _, log_determinant = np.linalg.slogdet(widened)
        return float(np.exp(-log_determinant / 2 - gap @ np.linalg.solve(widened, gap) / sigma**2 / 2))

    return _mmd(scene, kernel, float(parameters["scale"]))


def inception_score(scene: Scene, parameters: Mapping[str, Any], *, draws: int = 2_000_000) -> Truth:
    """exp of the mean divergence, from `draws` logits; its error by the delta method."""
    rng = np.random.default_rng(_SEED)
    block = 100_000
    marginal = np.zeros(scene.generated.dimension)
    entropies, seen = [], 0
    while seen < draws:
        log_p = _log_softmax(scene.generated.draw(block, rng).astype(np.float64))
        p = np.exp(log_p)
        marginal += p.sum(axis=0)
        entropies.append((p * log_p).sum(axis=1))
        seen += block
    marginal /= seen
    negative = np.concatenate(entropies)
    log_value = negative.mean() - (marginal * np.log(marginal)).sum()
    # To first order the marginal's own noise adds at most as much again as the entropies' does.
    value = float(np.exp(log_value))
    return Truth(value, value * 2 * float(negative.std()) / np.sqrt(seen), "Monte Carlo")


def sliced_transport(scene: Scene, parameters: Mapping[str, Any], *, directions: int = 20_000) -> Truth | None:
    """MIND of mixtures: 3‖μr − μg‖² exactly, and 3D times the mean over directions of the centred sides' transport.

    Along a direction both sides are mixtures of Gaussians on a line, whose quantiles follow from their known
    distribution functions.
    """
    sides = _components(scene.real), _components(scene.generated)
    if sides[0] is None or sides[1] is None:
        return None
    dimension = scene.real.dimension
    gap = scene.real.mean() - scene.generated.mean()
    rng = np.random.default_rng(_SEED)
    costs = []
    for _ in range(directions // 1000):
        along = rng.standard_normal((1000, dimension))
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        lines = [_on_lines(side, along) for side in sides if side is not None]
        costs.append(_transport_on_lines(*lines[0], *lines[1]))
    cost = np.concatenate(costs)
    value = 3 * float(gap @ gap) + 3 * dimension * float(cost.mean())
    return Truth(value, 3 * dimension * float(cost.std()) / np.sqrt(len(cost)), "known distributions along directions")


Lines = tuple[Vector, Matrix, Matrix]


def _on_lines(side: list[tuple[float, Gaussian]], along: Matrix) -> Lines:
    """Weights [K], centred means [K, L] and standard deviations [K, L] of a mixture projected onto L directions."""
    weights = np.array([weight for weight, _ in side])
    means = np.stack([along @ part.mean for _, part in side])
    spreads = np.stack([np.sqrt(((along @ part.covariance) * along).sum(axis=1)) for _, part in side])
    return weights, means - weights @ means, spreads


def _transport_on_lines(
    weights_1: Vector, means_1: Matrix, spreads_1: Matrix, weights_2: Vector, means_2: Matrix, spreads_2: Matrix
) -> Vector:
    """∫ (F⁻¹ − G⁻¹)² du for each line [L]; closed where both sides are single Gaussians."""
    if len(weights_1) == len(weights_2) == 1:
        return np.asarray((spreads_1[0] - spreads_2[0]) ** 2)
    levels = ndtr(np.linspace(-5, 5, 4001))
    middle, width = (levels[1:] + levels[:-1]) / 2, np.diff(levels)
    quantiles = [
        np.stack([_quantiles(weights, means[:, i], spreads[:, i], middle) for i in range(means.shape[1])])
        for weights, means, spreads in ((weights_1, means_1, spreads_1), (weights_2, means_2, spreads_2))
    ]
    return np.asarray((quantiles[0] - quantiles[1]) ** 2 @ width)


def _quantiles(weights: Vector, means: Vector, spreads: Vector, levels: Vector) -> Vector:
    low, high = (means - 6 * spreads).min(), (means + 6 * spreads).max()
    grid = np.linspace(low, high, 2000)
    distribution = weights @ ndtr((grid - means[:, None]) / spreads[:, None])
    return np.interp(levels, distribution, grid)


def vendi(scene: Scene, parameters: Mapping[str, Any], *, draws: int = 1_000_000) -> Truth:
    """exp of the entropy of order q of the eigenvalues of E[u uᵀ], u the features at length 1."""
    rng = np.random.default_rng(_SEED)
    moments = np.zeros((2, scene.generated.dimension, scene.generated.dimension))
    block = 50_000
    for number in range(draws // block):
        rows = scene.generated.draw(block, rng).astype(np.float64)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        moments[number % 2] += rows.T @ rows / draws
    halves = [_effective_rank(2 * half, float(parameters["q"])) for half in moments]
    value = _effective_rank(moments.sum(axis=0), float(parameters["q"]))
    return Truth(value, abs(halves[0] - halves[1]) / 2, "Monte Carlo")


def _effective_rank(matrix: Matrix, q: float) -> float:
    eigenvalues = np.linalg.eigvalsh(matrix)
    eigenvalues = eigenvalues[eigenvalues > 1e-15]
    if np.isinf(q):
        return float(1 / eigenvalues.max())
    if q == 1:
        return float(np.exp(-(eigenvalues * np.log(eigenvalues)).sum()))
    return float((eigenvalues**q).sum() ** (1 / (1 - q)))


def renyi_kernel_entropy(scene: Scene, parameters: Mapping[str, Any], *, draws: int = 2_000_000) -> Truth:
    """1/E[k(x, x′)²] over independent pairs."""
    rng = np.random.default_rng(_SEED)
    values = []
    block = 50_000
    for _ in range(draws // block):
        first, second = (scene.generated.draw(block, rng).astype(np.float64) for _ in range(2))
        if parameters["normalise"]:
            first, second = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (first, second))
        values.append(np.exp(-((first - second) ** 2).sum(axis=1) / float(parameters["bandwidth"]) ** 2))
    squares = np.concatenate(values)
    mean = float(squares.mean())
    return Truth(1 / mean, float(squares.std()) / np.sqrt(len(squares)) / mean**2, "Monte Carlo")


@dataclass(frozen=True)
class Gaussian:
    """Mean [D] and covariance [D, D] of one component."""

    mean: Vector
    covariance: Matrix


def _mmd(scene: Scene, kernel: Callable[[Gaussian, Gaussian], float], scale: float) -> Truth | None:
    real, generated = _components(scene.real), _components(scene.generated)
    if real is None or generated is None:
        return None

    def mean_kernel(a: list[tuple[float, Gaussian]], b: list[tuple[float, Gaussian]]) -> float:
        return sum(u * v * kernel(p, q) for u, p in a for v, q in b)

    value = mean_kernel(real, real) + mean_kernel(generated, generated) - 2 * mean_kernel(real, generated)
    return Truth(scale * value, 0.0, "closed form")


def _components(distribution: Any) -> list[tuple[float, Gaussian]] | None:
    if not isinstance(distribution, Mixture):
        return None
    parts = [distribution.component(number) for number in range(len(distribution.weights))]
    return [
        (float(weight), Gaussian(part.mean(), part.covariance()))
        for weight, part in zip(distribution.weights, parts, strict=True)
    ]


def _powers_of_product(a: Gaussian, b: Gaussian) -> tuple[float, float, float, float]:
    """E[(x·y)^j] for j = 0..3 and independent Gaussian x and y: conditionally on y the product is Gaussian."""
    m, s, n, t = a.mean, a.covariance, b.mean, b.covariance
    product = float(m @ n)
    spread_m, spread_n, both = float(m @ t @ m), float(n @ s @ n), float((s * t).sum())
    third = product**3 + 3 * product * spread_m + 3 * (product * (spread_n + both) + 2 * float(m @ t @ s @ n))
    return 1.0, product, product**2 + spread_m + spread_n + both, third


def _log_softmax(rows: Matrix) -> Matrix:
    shifted = rows - rows.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


#: (metric, score) to what finds its truth. A score that isn't here is held to the mean of its plug-in value over the
#: replicates: its interval is for repetitions with as many images, or its estimate is unbiased.
FINDERS: Mapping[tuple[str, str], Finder] = {
    ("fd", "fd"): frechet,
    ("sfd", "sfd"): frechet,
    ("temporal_fd", "temporal_fd"): frechet,
    ("intra_fd", "intra_fd"): frechet_within_classes,
    ("spectral_distance", "spectral_distance"): spectral_distance,
    ("fd_infinity", "fd_infinity"): frechet,
    ("kd", "kd"): polynomial_mmd,
    ("mmd_poly", "mmd_poly"): polynomial_mmd,
    ("mmd_rbf", "mmd_rbf"): gaussian_kernel_mmd,
    ("mind", "mind"): sliced_transport,
    ("inception_score", "inception_score"): inception_score,
    ("is_infinity", "is_infinity"): inception_score,
    ("vendi", "vendi"): vendi,
    ("rke", "rke"): renyi_kernel_entropy,
}
