"""A group of commands with a default: what isn't the name of a command is for that one."""

from __future__ import annotations

from typing import Any, ClassVar

import typer
from typer.core import TyperGroup


class GroupWithDefault(TyperGroup):
    """A group whose `default` command may be left out: ``detect image.png`` is ``detect examine image.png``.

    A file that has the name of a command is reached by ``./NAME``.
    """

    default: ClassVar[str] = "examine"

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Puts the default before arguments that begin with neither a command nor a request for help."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def format_help(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """The group's help, and below it that of the default."""
        super().format_help(ctx, formatter)
        default = self.commands[self.default]
        default.format_help(default.make_context(self.default, [], parent=ctx, resilient_parsing=True), formatter)
