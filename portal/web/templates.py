"""The Jinja environment of our pages. A page of a form writes a thousand values and calls four hundred macros."""

import re
from collections.abc import MutableMapping
from typing import Any

from flask.templating import Environment
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import Expr
from jinja2.runtime import Context, Macro
from markupsafe import Markup, escape

is_special = re.compile("[&<>\"']").search
PASSED = ("_block_vars", "_loop_vars")
"""What Jinja hands to functions that ask for the context."""


class PageCode(CodeGenerator):
    """Compiles templates so that they write a value by `PageEnvironment.written`."""

    def _output_child_pre(self, node: Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.written(")


class PageContext(Context):
    """The names that a template sees."""

    def call(self, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call what a template calls; at once where it asks for nothing besides its arguments, as macros do."""
        if type(called) is not Macro and hasattr(called, "jinja_pass_arg"):
            return super().call(called, *args, **kwargs)
        for name in PASSED:
            kwargs.pop(name, None)
        return called(*args, **kwargs)


class PageEnvironment(Environment):
    """The Jinja environment of our pages, in which no template has globals of its own."""

    code_generator_class = PageCode
    context_class = PageContext

    @staticmethod
    def written(value: Any) -> str:
        """Return a value as it is written into a page; most are HTML already, or texts without its signs."""
        kind = type(value)
        return value if kind is Markup or (kind is str and not is_special(value)) else escape(value)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the globals of all templates.

        A `ChainMap` for each, as in Jinja, would make every import in a page search it twice.
        """
        return super().make_globals(d) if d else self.globals
