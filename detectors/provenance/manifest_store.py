"""What a manifest store says: who signed what, which source types it names, where, and what of it checks out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ganeval.detectors.provenance.source_types import SourceType, read_source_type

_MAX_NODES = 200_000
_MAX_MANIFESTS = 1_000

# Failures that say nothing of the content: whether the signer is on a list is told apart from whether the record was
# altered.
_ABOUT_TRUST = ("signingCredential.untrusted", "timeStamp.untrusted", "signingCredential.ocsp")


class Place(Enum):
    """How a manifest stands to the picture."""

    ACTIVE = "the picture's own manifest"
    PARENT = "the manifest of what the picture was made from by editing"
    COMPONENT = "the manifest of a part of the picture"
    INPUT = "the manifest of an input, such as a reference or a prompt"
    LOOSE = "a manifest that the picture's own doesn't refer to"

    @property
    def in_picture(self) -> bool:
        """Whether what it describes can be seen in the picture."""
        return self in (Place.ACTIVE, Place.PARENT, Place.COMPONENT)


@dataclass(frozen=True)
class Claim:
    """One digital source type in one manifest.

    Parameters
    ----------
    source
        The type.
    action
        Of the action that it belongs to, such as ``c2pa.created``; else the assertion's label.
    place
        Of the manifest.
    manifest
        Its label.
    sound
        Whether the manifest and the way to it check out, trust in the signer aside.
    trusted
        Whether its signer leads to a trust anchor.
    """

    source: SourceType
    action: str
    place: Place
    manifest: str
    sound: bool
    trusted: bool


@dataclass(frozen=True)
class Failure:
    """A check that failed, as the library tells it."""

    code: str
    where: str
    explanation: str


class ManifestStore:
    """A reader's view of c2pa-python's JSON; takes any shape, since it comes from a stranger."""

    def __init__(self, store: dict[str, Any]) -> None:
        self._store = store
        manifests = store.get("manifests")
        self.manifests: dict[str, dict[str, Any]] = {
            str(label): manifest
            for label, manifest in list(_dict(manifests).items())[:_MAX_MANIFESTS]
            if isinstance(manifest, dict)
        }
        self.active_label = str(store.get("active_manifest", ""))
        self.active = self.manifests.get(self.active_label, {})

    @property
    def state(self) -> str:
        """``"Trusted"``, ``"Valid"`` or ``"Invalid"``; anything else that the library may say counts as invalid."""
        state = self._store.get("validation_state")
        return state if state in ("Trusted", "Valid") else "Invalid"

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Failed checks of the active manifest and, newly, of its ingredients; trust in the signer left out."""
        results = _dict(self._store.get("validation_results"))
        found = _failures(_dict(results.get("activeManifest")))
        for delta in _list(results.get("ingredientDeltas")):
            found += _failures(_dict(_dict(delta).get("validationDeltas")))
        return found

    def claims(self) -> tuple[Claim, ...]:
        """Every digital source type of every manifest."""
        found = []
        for label, (place, sound, trusted) in self._places().items():
            for action, uri in _source_types(self.manifests[label]):
                found.append(Claim(read_source_type(uri), action, place, label, sound, trusted))
        return tuple(found)

    def _places(self) -> dict[str, tuple[Place, bool, bool]]:
        """Place, soundness and trust of every manifest, by following ingredients from the active one."""
        sound = self.state != "Invalid"
        places = {self.active_label: (Place.ACTIVE, sound, self.state == "Trusted")} if self.active else {}
        waiting = list(places)
        while waiting:
            label = waiting.pop(0)
            above, above_sound, above_trusted = places[label]
            for ingredient in map(_dict, _list(self.manifests[label].get("ingredients"))):
                below = str(ingredient.get("active_manifest", ""))
                if below not in self.manifests or below in places:
                    continue
                # c2pa calls a store valid whose ingredient wasn't when it was taken in: its record says so.
                good = above_sound and not _recorded_failures(ingredient) and not self._delta_fails()
                trust = good and above_trusted and _recorded_trust(ingredient)
                places[below] = (_below(above, str(ingredient.get("relationship", ""))), good, trust)
                waiting.append(below)
        loose = {label: (Place.LOOSE, False, False) for label in self.manifests if label not in places}
        return places | loose

    def _delta_fails(self) -> bool:
        deltas = _list(_dict(self._store.get("validation_results")).get("ingredientDeltas"))
        return any(_failures(_dict(_dict(delta).get("validationDeltas"))) for delta in deltas)

    @property
    def signer(self) -> dict[str, str]:
        """``common name``, ``issuer``, ``algorithm``, ``time`` of the active manifest's signature; what there is."""
        info = _dict(self.active.get("signature_info"))
        keys = {"common name": "common_name", "issuer": "issuer", "algorithm": "alg", "time": "time"}
        return {shown: str(info[key]) for shown, key in keys.items() if info.get(key)}

    @property
    def generator(self) -> str:
        """The program that made the active manifest."""
        names = [
            f"{info.get('name', '')} {info.get('version', '')}".strip()
            for info in map(_dict, _list(self.active.get("claim_generator_info")))
        ]
        return "; ".join(filter(None, names)) or str(self.active.get("claim_generator") or "")

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions of the active manifest in order, such as ``c2pa.created``."""
        return tuple(
            str(action["action"])
            for assertion in map(_dict, _list(self.active.get("assertions")))
            if str(assertion.get("label", "")).startswith("c2pa.actions")
            for action in map(_dict, _list(_dict(assertion.get("data")).get("actions")))
            if "action" in action
        )


_BELOW = {"parentOf": Place.PARENT, "componentOf": Place.COMPONENT, "inputTo": Place.INPUT}


def _below(above: Place, relationship: str) -> Place:
    """The place of an ingredient's manifest: a part's parent is a part, an input's part is an input."""
    if above in (Place.INPUT, Place.COMPONENT) and relationship != "inputTo":
        return above
    return _BELOW.get(relationship, Place.INPUT)


def _recorded_failures(ingredient: dict[str, Any]) -> tuple[Failure, ...]:
    results = _dict(ingredient.get("validation_results"))
    found = _failures(_dict(results.get("activeManifest")))
    for delta in _list(results.get("ingredientDeltas")):
        found += _failures(_dict(_dict(delta).get("validationDeltas")))
    # The older form lists successes and failures together, the failures without "success": true.
    older = {
        "failure": [one for one in map(_dict, _list(ingredient.get("validation_status"))) if not one.get("success")]
    }
    return found + (() if results else _failures(older))


def _recorded_trust(ingredient: dict[str, Any]) -> bool:
    active = _dict(_dict(ingredient.get("validation_results")).get("activeManifest"))
    return any(_dict(one).get("code") == "signingCredential.trusted" for one in _list(active.get("success")))


def _failures(codes: dict[str, Any]) -> tuple[Failure, ...]:
    found = (
        Failure(str(one.get("code", "")), str(one.get("url", "")), str(one.get("explanation", "")))
        for one in map(_dict, _list(codes.get("failure")))
    )
    return tuple(one for one in found if not one.code.startswith(_ABOUT_TRUST))


def _source_types(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Action or label, and URI, of every ``digitalSourceType`` however deep in the assertions (v1, v2, templates)."""
    for assertion in map(_dict, _list(manifest.get("assertions"))):
        label = str(assertion.get("label", ""))
        waiting: list[tuple[str, Any]] = [(label, assertion.get("data"))]
        for _ in range(_MAX_NODES):
            if not waiting:
                break
            name, node = waiting.pop()
            if isinstance(node, dict):
                name = str(node["action"]) if isinstance(node.get("action"), str) else name
                for key, value in node.items():
                    # Also Iptc4xmpExt:DigitalSourceType of a metadata assertion.
                    if key.rpartition(":")[2].lower() == "digitalsourcetype" and isinstance(value, str):
                        yield name, value
                    else:
                        waiting.append((name, value))
            elif isinstance(node, list):
                waiting += [(name, one) for one in node]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
