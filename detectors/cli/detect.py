"""``ganeval detect``: the group of its commands, of which examining is the default."""

from __future__ import annotations

import typer

from ganeval.detectors.cli.default_command import GroupWithDefault
from ganeval.detectors.cli.evaluate import evaluate
from ganeval.detectors.cli.examine import examine
from ganeval.detectors.cli.fingerprint import app as fingerprint
from ganeval.detectors.cli.train import train

app = typer.Typer(
    cls=GroupWithDefault,
    help="Is this picture generated, why, and how sure? `ganeval detect image.png` examines a picture; a file that is "
    "called like one of the commands is reached by ./NAME. Nothing is uploaded.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("examine")(examine)
app.command("evaluate")(evaluate)
app.command("train")(train)
app.add_typer(fingerprint, name="fingerprint")
