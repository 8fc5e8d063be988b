"""Mutants of a module: its source with one small change each.

The changes are those of mutmut, at every place of the module: values of the module and decorated functions, too, which
mutmut itself leaves alone. Added are what it lacks: text of f-strings, conditions that are no comparison, results, and
statements that are left out. Where a change says nothing about tests, `_is_noise` and `_says_nothing` leave it out.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import libcst as cst
from libcst import matchers as m
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper, PositionProvider
from mutmut.mutation import mutators


@dataclass(frozen=True)
class Mutant:
    """The bytes of `path` with those from `start` to `end` replaced; `lines` are those of the statement up to there."""

    path: Path
    name: str
    lines: range
    start: int
    end: int
    replacement: str

    @property
    def source(self) -> str:
        """The module as the mutant has it."""
        original = self.path.read_bytes()
        return (original[: self.start] + self.replacement.encode() + original[self.end :]).decode()

    @property
    def change(self) -> "Change":
        """The lines that differ."""
        compared = [*difflib.ndiff(self.path.read_text().splitlines(), self.source.splitlines())]
        return Change(*(_joined(line[2:] for line in compared if line.startswith(sign)) for sign in ("- ", "+ ")))

    @property
    def diff(self) -> str:
        """The change for a person: a unified diff."""
        before, after = (text.splitlines(keepends=True) for text in (self.path.read_text(), self.source))
        return "".join(difflib.unified_diff(before, after, self.name, self.name, n=2))


class Change(NamedTuple):
    """What a mutant changes, wherever in the module that stands now: lines, without their indentation."""

    before: str
    after: str


class _Replaced(NamedTuple):
    node: cst.CSTNode
    by: cst.CSTNode


def mutants_of(path: Path, name: str) -> list[Mutant]:
    """All mutants of a module, called `name` in diffs, in the order of its source."""
    wrapper = MetadataWrapper(cst.parse_module(path.read_bytes()))
    visitor = _Visitor()
    wrapper.visit(visitor)
    made = (
        Mutant(
            path, name, each.lines, each.start, each.end, _indented(wrapper.module.code_for_node(each.by), each.depth)
        )
        for each in visitor.found
    )
    return [*dict.fromkeys(made)]


class _Found(NamedTuple):
    lines: range
    start: int
    end: int
    depth: int
    by: cst.CSTNode


class _Visitor(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider, ByteSpanPositionProvider)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[_Found] = []
        self._statement = 0
        self._depth = 0

    def on_visit(self, node: cst.CSTNode) -> bool:
        if _is_noise(node):
            return False
        if isinstance(node, cst.BaseStatement):
            self._statement = self.get_metadata(PositionProvider, node).start.line
        for replaced in _replacements(node):
            span = self.get_metadata(ByteSpanPositionProvider, replaced.node)
            line = self.get_metadata(PositionProvider, replaced.node).start.line
            lines = range(self._statement, line + 1)
            self.found.append(_Found(lines, span.start, span.start + span.length, self._depth, replaced.by))
        self._depth += isinstance(node, cst.IndentedBlock)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        self._depth -= isinstance(original_node, cst.IndentedBlock)


def _replacements(node: cst.CSTNode) -> Iterator[_Replaced]:
    for kind, operator in (*_OF_MUTMUT, *_OWN):
        if isinstance(node, kind):
            for by in operator(node):
                yield by if isinstance(by, _Replaced) else _Replaced(node, by)


def _of_string(node: cst.BaseString) -> Iterable[cst.CSTNode]:
    """The first change of mutmut, letters around it: other case would be killed wherever that one is."""
    return [*mutators.operator_string(node)][:1]


def _of_arguments(node: cst.Call) -> Iterable[cst.CSTNode]:
    """None in place of each argument, and each left out."""
    return () if m.matches(node.func, _SAYS_NOTHING_CALLED) else mutators.operator_arg_removal(node)


def _of_text(node: cst.FormattedStringText) -> Iterable[cst.CSTNode]:
    """The text between the values of an f-string."""
    yield node.with_changes(value=f"XX{node.value}XX")


def _of_condition(node: cst.If | cst.While | cst.CompIf | cst.IfExp) -> Iterable[_Replaced]:
    """A condition the wrong way round, where no other change turns it."""
    if not m.matches(node.test, m.Comparison() | m.BooleanOperation() | m.UnaryOperation(operator=m.Not())):
        inner = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        turned = cst.UnaryOperation(cst.Not(), inner, lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        yield _Replaced(node.test, turned)


def _of_result(node: cst.Return) -> Iterable[cst.CSTNode]:
    """None as the result."""
    if node.value is not None and not m.matches(node.value, m.Name("None")):
        yield node.with_changes(value=cst.Name("None"))


def _of_statement(node: cst.Expr | cst.Raise) -> Iterable[cst.CSTNode]:
    """A call, an item of a generator or an error that is left out."""
    if isinstance(node, cst.Raise) or isinstance(node.value, cst.Call | cst.Yield):
        yield cst.Pass()


_REPLACED = {mutators.operator_string: _of_string, mutators.operator_arg_removal: _of_arguments}
_OF_MUTMUT = tuple((kind, _REPLACED.get(operator, operator)) for kind, operator in mutators.mutation_operators)
_OWN = (
    (cst.FormattedStringText, _of_text),
    (cst.If | cst.While | cst.CompIf, _of_condition),
    (cst.Return, _of_result),
    (cst.Expr | cst.Raise, _of_statement),
)
_SAYS_NOTHING_CALLED = m.Name("len") | m.Name("isinstance") | m.Name("zip")
"""Called with less they always raise; and `strict` of zip is an assertion."""
_TYPE_NAME = re.compile(r"_?[A-Z][a-z]\w*")


def _is_noise(node: cst.CSTNode) -> bool:
    """What is not looked into: what is no behaviour, or is checked by the type checker and not by tests.

    Strings in three quotes, docstrings among them, are no strings to mutmut.
    """
    return m.matches(
        node,
        m.Annotation()
        | m.Decorator()
        | m.Import()
        | m.ImportFrom()
        | m.Assert()
        | m.If(test=m.Name("TYPE_CHECKING"))
        | m.Assign(targets=[m.AssignTarget(m.Name(m.MatchIfTrue(_is_type_name)))])
        | m.Assign(value=m.Call(m.Name("TypeVar")))
        | m.Arg(keyword=m.Name("strict")),
    )


def _is_type_name(name: str) -> bool:
    return _TYPE_NAME.fullmatch(name) is not None


def _indented(code: str, depth: int) -> str:
    """Code of several lines as it stands in a block."""
    return code if '"""' in code else code.replace("\n", "\n" + "    " * depth)


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(line.strip() for line in lines)
