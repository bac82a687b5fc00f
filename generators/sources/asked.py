"""What a user asks of a generator beyond its name: ``biggan?class=3&truncation=0.5``."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ganeval.errors import OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.model import Truncation
from ganeval.generators.sampling.blocks import Drawing, require_class
from ganeval.generators.sampling.samplable import Samplable

#: How the conditions of a generator are written among its options: ``?fix.c2=0.5``.
_FIXED = "fix."
# Words of the command line that Python keeps for itself.
_SPELLINGS = {"class": "label", "truncation-method": "truncation_method"}


@dataclass(frozen=True)
class Asked:
    """Which samples of a generator are wanted, before it is known what it can do.

    Parameters
    ----------
    label
        The class of all samples; None draws each one's, where there are classes.
    truncation
        Its strength; None truncates nothing.
    truncation_method
        None takes the generator's first.
    fixed
        Values of the generator's conditions by name.
    """

    label: int | None = None
    truncation: float | None = None
    truncation_method: str | None = None
    fixed: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def drawing(self, model: Samplable, seed: int) -> Drawing:
        """The samples, of a model that can make them.

        Raises
        ------
        OptionError
            If the model has no such class or method, or the seed is below 0.
        """
        require_class(model, self.label)
        return Drawing(seed, self.label, self._truncation(model), self.fixed)

    def _truncation(self, model: Samplable) -> Truncation | None:
        if self.truncation is None:
            if self.truncation_method is not None:
                raise OptionError(
                    f"the truncation method is {self.truncation_method!r}, but there is no truncation",
                    hint="Say how strong it is: --truncation 0.7.",
                )
            return None
        if not model.truncations:
            raise OptionError("this model has no truncation", hint="Leave it out, or take a BigGAN or StyleGAN2.")
        method = self.truncation_method or next(iter(model.truncations))
        if method not in model.truncations:
            known = "; ".join(f"{name} ({meaning})" for name, meaning in model.truncations.items())
            raise OptionError(f"this model can't truncate by {method!r}", hint=f"It has: {known}.")
        return Truncation(method, self.truncation)

    @property
    def anything(self) -> bool:
        """Whether it differs from the plain samples."""
        return self != Asked()

    def words(self) -> str:
        """As it is written behind a name: ``"?class=3&truncation=0.5"``, or nothing."""
        back = {field: word for word, field in _SPELLINGS.items()}
        plain = {name: value for name, value in dataclasses.asdict(self).items() if name != "fixed"}
        given = {back.get(name, name): value for name, value in plain.items() if value is not None}
        given |= {f"{_FIXED}{name}": value for name, value in self.fixed_as_text().items()}
        return f"?{urlencode(given)}" if given else ""

    def fixed_as_text(self) -> dict[str, str]:
        """Conditions in the order of their names, their values as short as they can be without a change."""
        return {name: repr(float(value)).removesuffix(".0") for name, value in sorted(self.fixed.items())}


def split_target(argument: str) -> tuple[str, dict[str, str]]:
    """A name or path, and the options behind its question mark, by the names of fields.

    Raises
    ------
    OptionError
        If an option has no value, or comes twice.
    """
    target, mark, query = argument.partition("?")
    if not mark or os.path.exists(argument):
        return argument, {}
    options: dict[str, str] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError as error:
        raise OptionError(f"the options {query!r} of generator:{target} can't be read", hint=_FORM) from error
    for name, value in pairs:
        field = _SPELLINGS.get(name, name.replace("-", "_"))
        if field in options or not value:
            raise OptionError(f"the option {name!r} of generator:{target} is given twice or is empty", hint=_FORM)
        options[field] = value
    return target, options


_FORM = "Write them like generator:NAME?class=3&truncation=0.5 (in quotes, as shells take & for themselves)."


def split_options(options: Mapping[str, Any]) -> tuple[Asked, dict[str, Any]]:
    """The options that say which samples are wanted, and all others, which say how the generator is opened."""
    own = {field.name for field in dataclasses.fields(Asked)} - {"fixed"}
    asked = configured(Asked, {name: value for name, value in options.items() if name in own}, what="the samples")
    fixed = {name.removeprefix(_FIXED): value for name, value in options.items() if name.startswith(_FIXED)}
    others = {name: value for name, value in options.items() if name not in own and not name.startswith(_FIXED)}
    return dataclasses.replace(asked, fixed={name: _number(name, value) for name, value in fixed.items()}), others


def fixed_options(given: Iterable[str]) -> dict[str, str]:
    """The options behind a question mark that ``NAME=VALUE`` of ``--fix`` mean; raises `OptionError`."""
    options: dict[str, str] = {}
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not name or not equals or f"{_FIXED}{name}" in options:
            raise OptionError(
                f"--fix {text!r} has no name or value, or comes twice", hint="Write it like --fix c2=0.5."
            )
        options[f"{_FIXED}{name}"] = value
    return options


def _number(name: str, text: Any) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise OptionError(f"{name} is to be fixed at {text!r}, which is no number", hint="Write it like --fix c2=0.5.")
    return value
