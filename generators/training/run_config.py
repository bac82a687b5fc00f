"""What a training run is asked to do: from the command line, a YAML file, or the folder of a run that goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ganeval.errors import OptionError, WeightsError, did_you_mean
from ganeval.generators.configuration import ModelConfig, configured, converted, plain
from ganeval.generators.model import GenerativeModel
from ganeval.generators.registry import MODELS
from ganeval.generators.training.alarms import AlarmSettings
from ganeval.generators.training.evaluating import EvaluationSettings
from ganeval.generators.training.monitoring import MonitorSettings
from ganeval.generators.training.run import RunPlan
from ganeval.generators.training.run_folder import CONFIG_FORMAT
from ganeval.generators.training.settings import TrainingSettings

#: Sections of a configuration beside ``model``, each name to values.
Sections = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class DataOptions:
    """Which examples are learnt from; see `ganeval.generators.training.opening.open_examples`.

    Parameters
    ----------
    data, data_a, data_b
        Sets of images: one, or one for each domain.
    size, channels, other_channels
        Of the images; None takes them as they are.
    resize
        How images of another size are made to fit.
    labels
        ``"folders"`` takes classes from sub-folders.

    Raises
    ------
    OptionError
        If a size or a number of channels is below 1.
    """

    data: str | None = None
    data_a: str | None = None
    data_b: str | None = None
    size: tuple[int, int] | None = None
    channels: int | None = None
    other_channels: int | None = None
    resize: str = "none"
    labels: str | None = None

    def __post_init__(self) -> None:
        if self.size is not None and min(self.size) < 1:
            height, width = self.size
            raise OptionError(f"--size is {height}x{width}", hint="It has to be 1 pixel or more, or HEIGHTxWIDTH.")
        for name, value in (("channels", self.channels), ("other_channels", self.other_channels)):
            if value is not None and value < 1:
                raise OptionError(f"{name} of the data is {value}", hint="It has to be 1 or more.")

    @property
    def name(self) -> str:
        """How the user named the data, for the weights' header."""
        return " and ".join(part for part in (self.data, self.data_a, self.data_b) if part)


@dataclass(frozen=True)
class Execution:
    """On what a run computes; it may change when the run goes on, and moves results by rounding only.

    Parameters
    ----------
    device
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
    channels_last
        Whether weights and images lie in memory with channels last, which is faster for some networks and devices.
    compile
        Whether networks are compiled by ``torch.compile``.
    """

    device: str = "auto"
    channels_last: bool = False
    compile: bool = False


@dataclass(frozen=True)
class RunConfig:
    """A training run in full.

    Parameters
    ----------
    model
        Name in the registry.
    config
        The model's options that were given; size, channels and classes follow from the data where they weren't.
    settings, data, plan, evaluation, alarms, monitor, execution
        All else.
    """

    model: str
    config: dict[str, Any]
    settings: TrainingSettings
    data: DataOptions
    plan: RunPlan
    evaluation: EvaluationSettings
    alarms: AlarmSettings
    monitor: MonitorSettings
    execution: Execution

    @property
    def kind(self) -> type[GenerativeModel]:
        """The model's class."""
        return MODELS.get(self.model)

    def written(self, model: GenerativeModel) -> dict[str, Any]:
        """What config.yaml holds of it: with the model's configuration in full."""
        sections = {name: plain(getattr(self, name)) for name in SECTIONS}
        return {"model": self.model, "config": plain(model.config), **sections}


#: Sections that are dataclasses, with what messages call them.
SECTIONS: dict[str, tuple[type[Any], str]] = {
    "settings": (TrainingSettings, "the training"),
    "data": (DataOptions, "the data"),
    "plan": (RunPlan, "the plan"),
    "evaluation": (EvaluationSettings, "the evaluation"),
    "alarms": (AlarmSettings, "the alarms"),
    "monitor": (MonitorSettings, "the monitor"),
    "execution": (Execution, "the execution"),
}


def read_config(path: Path) -> dict[str, Any]:
    """A YAML file of ``model`` and sections, such as config.yaml of a run.

    Raises
    ------
    OptionError
        If it can't be read, or has a key that isn't known (with the nearest).
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise OptionError(f"can't read --config {path}: {error}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise OptionError(f"--config {path} is no mapping of names to values", hint=_HOW)
    if found.pop("format", CONFIG_FORMAT) != CONFIG_FORMAT:
        raise OptionError(f"--config {path} is of another format than {CONFIG_FORMAT}")
    known = ["model", "config", *SECTIONS]
    for name, values in found.items():
        if name not in known:
            raise OptionError(f"--config {path} has an unknown key {name!r}", hint=did_you_mean(str(name), known))
        if name != "model" and not isinstance(values, dict):
            raise OptionError(f"{name} in --config {path} is no mapping of names to values", hint=_HOW)
    return found


_HOW = "See config.yaml of any run for the form."


def merged(layers: Iterable[Mapping[str, Any]], options: Iterable[str] = ()) -> RunConfig:
    """A run from several configurations, of which later ones win, value by value.

    Parameters
    ----------
    layers
        Each with ``model`` and sections.
    options
        ``name=value`` of the command line: of the model or of `TrainingSettings`.

    Raises
    ------
    OptionError
        If there is no model, a name is unknown (with the nearest), or a value can't be used.
    """
    name: object = None
    sections: Sections = {"config": {}, **{section: {} for section in SECTIONS}}
    for layer in layers:
        name = layer.get("model") or name
        for section, values in sections.items():
            given = layer.get(section) or {}
            if not isinstance(given, Mapping):
                raise OptionError(f"{section} of the configuration is {given!r}", hint=_HOW)
            values |= given
    if name is None:
        raise OptionError("no model is named", hint=f"Known: {', '.join(MODELS.names())}.")
    if not isinstance(name, str):
        raise OptionError(f"model of the configuration is {name!r}", hint="It has to be the name of one model.")
    kind = MODELS.get(name)
    for section, key, value in _parsed(options, kind):
        sections[section][key] = value
    # What can't be used is found before any data is read.
    provisional(kind, sections["config"], what=name)
    found = {
        section: configured(kind_of, sections[section], what=what) for section, (kind_of, what) in SECTIONS.items()
    }
    # Where a schedule ends is written down: a run that goes on for longer keeps it.
    found["settings"] = found["settings"].for_steps(found["plan"].steps)
    return RunConfig(name, converted(kind.Config, sections["config"], what=name), **found)


def provisional(kind: type[GenerativeModel], values: Mapping[str, Any], *, what: str) -> ModelConfig:
    """A model's configuration before its data is known: with ten classes where it needs some, and default sizes."""
    classes = {"classes": 10} if kind.info.data == "labelled" else {}
    return configured(kind.Config, classes | dict(values), what=what)


def _parsed(options: Iterable[str], kind: type[GenerativeModel]) -> Iterable[tuple[str, str, str]]:
    of_model = [field.name for field in dataclasses.fields(kind.Config)]
    of_training = [field.name for field in dataclasses.fields(TrainingSettings)]
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise OptionError(f"-o {option} has no value", hint="Write it like -o width=64.")
        if key not in [*of_model, *of_training]:
            raise OptionError(
                f"neither the model nor the training has an option {key!r}",
                hint=did_you_mean(key, [*of_model, *of_training]),
            )
        yield "config" if key in of_model else "settings", key, value


def require_same_model(asked: str | None, saved: Mapping[str, Any]) -> None:
    """Refuse to go on with a run under another model; raises `WeightsError`."""
    if asked is not None and asked != saved.get("model"):
        raise WeightsError(
            f"the checkpoint is of another run: model was {saved.get('model')!r} and is {asked!r}",
            hint="Leave out the model, or train into another folder.",
        )
