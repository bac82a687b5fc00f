"""What a metric is to the rest of ganeval, and the table of those that exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganeval.errors import MetricError, OptionError, did_you_mean
from ganeval.features.features import Features
from ganeval.metrics.score import Score
from ganeval.registry import Registry
from ganeval.uncertainty.interval import DEFAULT_LEVEL

#: What a metric may read of each side: pooled features, class logits, spatial features, class labels beside pooled
#: features, the images themselves, pairs of images of one name, frames of clips, or a generator that can be asked for
#: images of chosen latent vectors.
NEEDS = ("pooled", "logits", "spatial", "labels", "images", "pairs", "clips", "generator")

#: Whose covariances a metric may estimate: those of each side's images, or of each class of a side.
COVARIANCES = ("sides", "classes")


@dataclass(frozen=True)
class Parameter:
    """One option of a metric.

    Parameters
    ----------
    name
        As in the metric's function and in ``--option metric.name=value``.
    default
        The value used when the user says nothing.
    parse
        From the command line's text to the value; raises ValueError for text that it can't read.
    help
        One line.
    """

    name: str
    default: Any
    parse: Callable[[str], Any]
    help: str

    def read(self, value: str, option: str) -> Any:
        """`value` in its own type; raises `OptionError`, which names the whole `option`, where it can't be read."""
        try:
            return self.parse(value.strip())
        except ValueError as error:
            raise OptionError(
                f"the option {option!r} has the value {value.strip()!r}, which can't be read: {error}",
                hint=f"{self.name}: {self.help} (default {self.default}).",
            ) from error


def find_parameter(parameters: Sequence[Parameter], name: str, owner: str) -> Parameter:
    """The parameter of that name; raises `OptionError` with the nearest name; `owner` is whose it is."""
    for parameter in parameters:
        if parameter.name == name:
            return parameter
    raise OptionError(f"{owner} has no option {name!r}", hint=did_you_mean(name, (p.name for p in parameters)))


@dataclass(frozen=True)
class Metric:
    """A metric of the table.

    Parameters
    ----------
    name
        The name in the table, such as ``"fd"``.
    scores
        Base names of the scores that it gives, such as ``("precision", "recall")``.
    inception_names
        Base name to the name that the field uses on Inception-v3 features, such as ``{"fd": "fid"}``.
    aliases
        Further names under which ``--metrics`` finds it, such as ``("fid",)``; a score's own name selects that score.
    title, paper, formula
        For people.
    higher_is_better
        Of each score, in the order of `scores`.
    needs_real
        Whether it compares with real images.
    needs
        What it reads of each side's `Features`, one of `NEEDS`.
    groups
        Names of groups to which it belongs, beside "all", such as ``("diversity",)``, or where not all of its scores
        do, group to scores: ``{"fidelity": ("precision",), "diversity": ("recall",)}``; see
        `ganeval.metrics.selection.GROUPS`. One that needs pairs is found in "paired" alone.
    on_features
        False for metrics that don't depend on the extractor, such as those on pixels: their scores carry no
        extractor's name.
    field_names
        Beginning of an extractor's name to base name to the field's own name there, such as
        ``{"clip-": {"mmd_rbf": "cmmd"}}``; the extractor's name still follows. `inception_names` is for Inception-v3,
        where it doesn't.
    any_count
        Whether its value estimates the same quantity from any number of generated images, as unbiased statistics and
        means over images do, so that sets of different sizes may be compared; those with `Score.corrected` may anyway.
    by_count
        Whether what it measures depends on the number of images by definition, as with nearest neighbours, so that
        only sets of one size can be compared.
    has_interval
        Whether its scores offer an interval where the images allow one: for listings.
    minimum
        Fewest images a side with which it can be computed at its defaults.
    minimum_for
        Fewest images a side for given parameters, a function of all of them by name; raises `OptionError` for values
        that can't be used. None where it is `minimum` whatever they are.
    at_hand
        A function of all parameters that raises `MetricError` where something beside the images, such as another
        network's weights, is missing: asked before any work. None where nothing is needed.
    leading
        Place among the metrics by which people order images (`--top`), 1 for the first; None after all that have one.
    covariances
        What its scores estimate covariances of, where they do: ``"sides"`` (all images of a side) or ``"classes"``
        (those of each class and side). With no more images than feature dimensions those are rank-deficient.
    curve
        Base names of those of its scores that a comparison also plots against the number of images: where people know
        the value as papers compute it, which moves with that number.
    from_moments
        ``from_moments(real, generated, **parameters)`` gives the scores that `compute` gives, without intervals, from
        each side's `ganeval.metrics.moments.Moments` of its pooled features; None for metrics that need the features.
    real_by_moments
        Whether `compute` takes `Features.moments` of the real side where that side's rows aren't all there.
    parameters
        Its options.
    compute
        ``compute(real, generated, seed=..., level=..., **parameters)`` gives one `Score` for each of `scores`, in that
        order, under its base name. `real` is None where there are no real images; metrics with ``needs_real=False`` get
        them too where there are some, for comparison. `level` is that of the
        intervals, None where none are wanted. A score without an interval should say why in `no_interval_reason`.
    """

    name: str
    scores: tuple[str, ...]
    title: str
    paper: str
    formula: str
    higher_is_better: tuple[bool, ...]
    compute: Callable[..., Sequence[Score]]
    needs_real: bool = True
    needs: str = "pooled"
    minimum: int = 2
    aliases: tuple[str, ...] = ()
    inception_names: Mapping[str, str] | None = None
    parameters: tuple[Parameter, ...] = ()
    minimum_for: Callable[[Mapping[str, Any]], int] | None = None
    groups: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ()
    on_features: bool = True
    any_count: bool = False
    by_count: bool = False
    field_names: Mapping[str, Mapping[str, str]] | None = None
    has_interval: bool = False
    at_hand: Callable[[Mapping[str, Any]], None] | None = None
    leading: int | None = None
    curve: tuple[str, ...] = ()
    covariances: str | None = None
    from_moments: Callable[..., Sequence[Score]] | None = None
    real_by_moments: bool = False

    def __post_init__(self) -> None:
        if self.needs not in NEEDS:
            raise MetricError(
                f"the metric {self.name!r} says that it needs {self.needs!r}", hint=f"Choose of: {', '.join(NEEDS)}."
            )
        if self.covariances not in (None, *COVARIANCES):
            raise MetricError(
                f"the metric {self.name!r} says that it has covariances of {self.covariances!r}",
                hint=f"Choose of: {', '.join(COVARIANCES)}.",
            )

    @property
    def needs_whole_set(self) -> bool:
        """Whether a random part of a set is of no use to it, so that it can't be computed on more and more images."""
        return self.needs in ("pairs", "clips", "generator")

    def scores_in(self, group: str) -> tuple[str, ...]:
        """Those of its scores that belong to a group."""
        if isinstance(self.groups, Mapping):
            return self.groups.get(group, ())
        return self.scores if group in self.groups else ()

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name; raises `OptionError` with the nearest name."""
        return find_parameter(self.parameters, name, f"the metric {self.name!r}")

    def chosen(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters by name: those given over the defaults; raises `OptionError` for a name that there isn't."""
        for name in parameters:
            self.parameter(name)
        return {p.name: p.default for p in self.parameters} | dict(parameters)

    def fewest(self, parameters: Mapping[str, Any]) -> int:
        """Fewest images a side with these parameters; raises `OptionError` for those that can't be used."""
        chosen = self.chosen(parameters)
        return self.minimum if self.minimum_for is None else self.minimum_for(chosen)

    def require_at_hand(self, parameters: Mapping[str, Any]) -> None:
        """Raise `MetricError` if something beside the images is missing for these parameters."""
        if self.at_hand is not None:
            self.at_hand(self.chosen(parameters))

    def __call__(
        self,
        real: Features | None,
        generated: Features,
        *,
        seed: int = 2020,
        level: float | None = DEFAULT_LEVEL,
        **parameters: Any,
    ) -> Sequence[Score]:
        """Compute, with `parameters` over the defaults and intervals of `level`, or none; raises `MetricError`."""
        scores = self.compute(real, generated, seed=seed, level=level, **self.chosen(parameters))
        if level is None:
            return scores
        return tuple(
            score
            if score.interval is not None or score.no_interval_reason is not None
            else score.without_interval("the metric offers none")
            for score in scores
        )


METRICS: Registry[Metric] = Registry(
    kind="metric",
    group="ganeval.metrics",
    builtin={
        "inception_score": "ganeval.metrics.inception_score:METRIC",
        "is_infinity": "ganeval.metrics.inception_score_infinity:METRIC",
        "fd": "ganeval.metrics.frechet_distance:METRIC",
        "fd_infinity": "ganeval.metrics.fd_infinity:METRIC",
        "sfd": "ganeval.metrics.spatial_frechet_distance:METRIC",
        "intra_fd": "ganeval.metrics.intra_class_frechet_distance:METRIC",
        "kd": "ganeval.metrics.kernel_distance:METRIC",
        "mmd_rbf": "ganeval.metrics.maximum_mean_discrepancy:METRIC_RBF",
        "mmd_poly": "ganeval.metrics.maximum_mean_discrepancy:METRIC_POLY",
        "mind": "ganeval.metrics.monge_inception_distance:METRIC",
        "c2st": "ganeval.metrics.classifier_two_sample_test:METRIC",
        "parzen": "ganeval.metrics.parzen_window:METRIC",
        "precision_recall": "ganeval.metrics.precision_recall:METRIC",
        "density_coverage": "ganeval.metrics.density_coverage:METRIC",
        "realism": "ganeval.metrics.realism:METRIC",
        "prd": "ganeval.metrics.precision_recall_distributions:METRIC",
        "mifd": "ganeval.metrics.memorisation_informed_distance:METRIC",
        "authpct": "ganeval.metrics.authenticity:METRIC",
        "vendi": "ganeval.metrics.vendi_score:METRIC",
        "rke": "ganeval.metrics.renyi_kernel_entropy:METRIC",
        "spectral_distance": "ganeval.metrics.spectral_distance:METRIC",
        "ms_ssim": "ganeval.metrics.ms_ssim:METRIC",
        "lpips_diversity": "ganeval.metrics.lpips_diversity:METRIC",
        "feature_diversity": "ganeval.metrics.feature_diversity:METRIC",
        "psnr": "ganeval.metrics.paired:PSNR",
        "ssim": "ganeval.metrics.paired:SSIM",
        "paired_ms_ssim": "ganeval.metrics.paired:MS_SSIM",
        "paired_lpips": "ganeval.metrics.paired:LPIPS",
        "ppl": "ganeval.metrics.path_length:PPL",
        "feature_path_length": "ganeval.metrics.path_length:FEATURE_PATH_LENGTH",
        "temporal_fd": "ganeval.metrics.temporal_distance:METRIC",
    },
    error=MetricError,
    of=Metric,
)
