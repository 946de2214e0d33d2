"""Conditions over the names of axes, such as ``bits >= 18 or overflow == 'wrap'``.

Read with Python's grammar and computed here: no names but those given, no calls, no attributes.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any

from npusim.errors import InputError

_MAX_LENGTH = 500
_ALLOWED = "comparisons of axes with numbers and words, joined by and, or, not"

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_SUMS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


class Condition:
    """One condition.

    Parameters
    ----------
    text
        The condition.
    names
        What it may speak of.

    Raises
    ------
    InputError
        If it is no condition over these names.

    Examples
    --------
    >>> Condition("16 <= bits < 20 and overflow != 'wrap'", ["bits", "overflow"]).holds(
    ...     {"bits": 18, "overflow": "saturate"})
    True
    """

    def __init__(self, text: str, names: Collection[str]) -> None:
        self.text = text
        if len(text) > _MAX_LENGTH:
            raise InputError("the condition is too long", allowed=f"up to {_MAX_LENGTH} characters")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise InputError("not a condition", found=text, allowed=_ALLOWED) from None
        self._check(self._tree, names)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it holds for some values.

        Raises
        ------
        InputError
            If words are compared with numbers.
        """
        try:
            return bool(_compute(self._tree, values))
        except TypeError:
            raise InputError("compares what cannot be compared", found=self.text, allowed=_ALLOWED) from None

    def _check(self, node: ast.expr, names: Collection[str]) -> None:
        match node:
            case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
                pass
            case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=inner):
                parts = [inner]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _SUMS:
                parts = [left, right]
            case ast.Compare(left=left, ops=ops, comparators=others) if {type(x) for x in ops} <= set(
                _COMPARISONS
            ):
                parts = [left, *others]
            case ast.Constant(value=int() | float() | str()):
                parts = []
            case ast.Name(id=name):
                if name not in names:
                    close = get_close_matches(name, names, n=1)
                    allowed = f"did you mean {close[0]!r}?" if close else ", ".join(names)
                    raise InputError("there is no such axis", found=name, allowed=allowed)
                parts = []
            case _:
                raise InputError("not a condition", found=self.text, allowed=_ALLOWED)
        for part in parts:
            self._check(part, names)


def _compute(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_compute(part, values) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_compute(part, values) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return not _compute(inner, values)
        case ast.UnaryOp(operand=inner):
            return -_compute(inner, values)
        case ast.BinOp(left=left, op=op, right=right):
            return _SUMS[type(op)](*(_number(_compute(side, values)) for side in (left, right)))
        case ast.Compare(left=left, ops=ops, comparators=others):
            terms = [_compute(term, values) for term in (left, *others)]
            pairs = zip(ops, terms[:-1], terms[1:], strict=True)
            return all(_COMPARISONS[type(op)](one, other) for op, one, other in pairs)
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [_compute(part, values) for part in parts]
    raise AssertionError(node)


def _number(value: Any) -> Any:
    """Words are neither added nor multiplied."""
    if not isinstance(value, (int, float)):
        raise TypeError
    return value
