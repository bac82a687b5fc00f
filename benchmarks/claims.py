"""Do the bundled models do what their papers claim? Every claim that needs training or measuring, by name.

    python benchmarks/claims.py --list
    python benchmarks/claims.py wgan-gp-critic --steps 1500 --out critic.json
    python benchmarks/claims.py truncation --model runs/biggan/generator.safetensors --out truncation.json

The experiments are in ``claim_experiments/``, one file a family; options after the names are the family's, see
``python benchmarks/claims.py NAME --help``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

# The families import each other by plain names, from wherever this is run.
sys.path.insert(0, str(Path(__file__).parent / "claim_experiments"))

import conditional
import spectral
import training
import translation

FAMILIES: tuple[ModuleType, ...] = (training, conditional, spectral, translation)


def experiments() -> dict[str, ModuleType]:
    """Name of each claim to the family that measures it."""
    return {name: family for family in FAMILIES for name in family.CLAIMS}


def main(arguments: list[str]) -> int:
    """Run the named claims of one family; 1 if one doesn't hold, 2 if there is no such claim."""
    known = experiments()
    if not arguments or arguments[0] in ("-h", "--help", "--list"):
        print(__doc__)
        for name, family in known.items():
            experiment = getattr(family.CLAIMS[name], "measure", family.CLAIMS[name])
            print(f"  {name:20} {(experiment.__doc__ or '').strip().splitlines()[0]}")
        return 0
    if arguments[0] not in known:
        print(f"no claim {arguments[0]!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    return int(known[arguments[0]].main(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
