"""Labels by the names that people know, for sentences and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ganeval.features.features import Features
from ganeval.images.source import Label


def with_class_names(features: Features, names: Mapping[Label, str]) -> Features:
    """`features` whose labels are the names of classes, where there are any.

    Parameters
    ----------
    features
        Whose labels may be numbers, or the same numbers as text, as folders have them.
    names
        What each label stands for; labels that aren't in it stay as they are.
    """
    if features.labels is None or not names:
        return features
    known = {str(label): name for label, name in names.items()}
    return replace(features, labels=tuple(known.get(str(label), label) for label in features.labels))
