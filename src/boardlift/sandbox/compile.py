"""From a query to programs: a selection is flattened once per type into a list of fields that render themselves.

graphql-core parses and validates; its executor is not used, since it would spend more time on a page of 15,000 cells
than a reader needs to read it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_location,
    is_leaf_type,
    print_ast,
)

from .coerce import argument_values, literal
from .problems import FieldError
from .schema import schema

if TYPE_CHECKING:
    from .run import Run

Render = Callable[[object, "Run"], bytes]  # JSON in UTF-8: a page as text would take four bytes a character
Resolve = Callable[[object, Mapping[str, object], "Run"], object]

_to_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
# What makes a value of another object than the cell itself: nothing rendered of it may be kept.
FOREIGN = {"Item", "Board", "Column", "User", "Asset", "Document", "Group", "MirroredItem"}


def encode(value: object) -> bytes:
    """A leaf value as JSON."""
    return _to_text(value).encode()


class Field:
    """One field of a flattened selection, able to render itself for any object of its type."""

    def __init__(
        self, key: str, nodes: list[FieldNode], parent: str, definition: GraphQLField, program: Program
    ) -> None:
        """`nodes` are all mentions of the field under this key; their sub-selections are merged."""
        self.key, self.name, self.parent, self.node = key, nodes[0].name.value, parent, nodes[0]
        self.prefix = encode(key) + b":"
        self.definition = definition
        self.nullable = not isinstance(definition.type, GraphQLNonNull)
        self.resolve: Resolve = program.resolver(parent, self.name)
        sets = [node.selection_set for node in nodes if node.selection_set is not None]
        self.selection = Selection(program, sets) if sets else None
        self.type_name = named(definition.type)
        self.complete = completer(definition.type, self.selection)

    def arguments(self, run: Run) -> dict[str, object]:
        """The field's arguments in this run; the same for every object."""
        held: dict[str, object] | None = run.arguments.get(id(self.node))
        if held is None:
            declared: Mapping[str, GraphQLArgument] = self.definition.args
            held = run.arguments[id(self.node)] = argument_values(self.node, declared, run.variables)
        return held

    def location(self) -> tuple[int, int] | None:
        """Line and column in the query."""
        place = self.node.loc
        if place is None:
            return None
        found = get_location(place.source, place.start)
        return found.line, found.column

    def render(self, value: object, run: Run) -> bytes:
        """`"key":json` of an object; a nullable field that fails is null and leaves an error in the run."""
        known = len(run.errors)
        try:
            rendered = self.prefix + self.complete(self.resolve(value, self.arguments(run), run), run)
        except FieldError as error:
            error.location = error.location or self.location()
            if not self.nullable:
                error.path.insert(0, self.key)
                raise
            run.errors.append(error)
            rendered = self.prefix + b"null"
        for under in run.errors[known:]:
            under.path.insert(0, self.key)
            under.location = under.location or self.location()
        return rendered


class Selection:
    """A selection set, flattened for each type it meets."""

    def __init__(self, program: Program, sets: Sequence[SelectionSetNode]) -> None:
        """`sets` are the selection sets to merge."""
        self.program, self.sets = program, sets
        self._fields: dict[str, list[Field]] = {}
        self._texts: dict[str, str | None] = {}

    def fields(self, type_name: str) -> list[Field]:
        """The fields selected of objects of a type, in the order of the query."""
        held = self._fields.get(type_name)
        if held is None:
            held = self._fields[type_name] = self.program.flatten(self.sets, type_name)
        return held

    def text(self, type_name: str) -> str | None:
        """A name for what is selected of a type; None if it reaches into other objects, so that nothing may be kept."""
        if type_name not in self._texts:
            fields = self.fields(type_name)
            apart = any(reaches_out(field) for field in fields)
            self._texts[type_name] = None if apart else ";".join(signature(field) for field in fields)
        return self._texts[type_name]

    def render(self, value: object, type_name: str, run: Run) -> bytes:
        """An object as JSON; counted as one object (FACTS 5)."""
        run.objects += 1
        return b"{%b}" % b",".join([field.render(value, run) for field in self.fields(type_name)])


def reaches_out(field: Field) -> bool:
    """Whether a field of a cell shows another object of the account."""
    if field.type_name in FOREIGN:
        return True
    if field.selection is None:
        return False
    found = schema().type_map[field.type_name]
    types = [member.name for member in found.types] if isinstance(found, GraphQLUnionType) else [field.type_name]
    return any(reaches_out(under) for name in types for under in field.selection.fields(name))


def signature(field: Field) -> str:
    """The text of a field, its fragments written out."""
    if field.selection is None:
        return print_ast(field.node)
    found = schema().type_map[field.type_name]
    types = [member.name for member in found.types] if isinstance(found, GraphQLUnionType) else [field.type_name]
    inner = "|".join(
        f"{name}({';'.join(signature(under) for under in field.selection.fields(name))})" for name in types
    )
    return f"{field.key}:{field.name}[{inner}]"


def named(declared: GraphQLOutputType) -> str:
    """The name of the innermost type."""
    while isinstance(declared, GraphQLNonNull | GraphQLList):
        declared = declared.of_type
    return str(declared)


def completer(declared: GraphQLOutputType, selection: Selection | None) -> Render:
    """How a resolved value of a type becomes JSON."""
    if isinstance(declared, GraphQLNonNull):
        inner = completer(declared.of_type, selection)

        def required(value: object, run: Run) -> bytes:
            if value is None:
                raise FieldError("INTERNAL_SERVER_ERROR", "Cannot return null for a non-nullable field", status=500)
            return inner(value, run)

        return required
    if isinstance(declared, GraphQLList):
        return list_completer(declared, selection)
    if is_leaf_type(declared) or selection is None:
        return lambda value, _run: encode(value)
    concrete = str(declared) if isinstance(declared, GraphQLObjectType) else None

    def composite(value: object, run: Run) -> bytes:
        if value is None:
            return b"null"
        if concrete == "Item":
            return next(run.render_items(selection, [value]))
        return selection.render(value, concrete or run.type_of(value), run)

    return composite


def list_completer(declared: GraphQLList[GraphQLOutputType], selection: Selection | None) -> Render:
    """A list; members that may be null and fail are null, as unauthorised boards are (FACTS 6)."""
    member = completer(declared.of_type, selection)
    strict = isinstance(declared.of_type, GraphQLNonNull)
    items = named(declared) == "Item"

    def member_or_raise(row: object, run: Run) -> bytes:
        if isinstance(row, FieldError):
            raise row
        return member(row, run)

    def whole(value: object, run: Run) -> bytes:
        if value is None:
            return b"null"
        rows = cast("Sequence[object]", value)
        if items and selection is not None:
            return b"[%b]" % b",".join(run.render_items(selection, rows))
        parts = []
        for place, row in enumerate(rows):
            known = len(run.errors)
            try:
                parts.append(member_or_raise(row, run))
            except FieldError as error:
                if strict:
                    error.path.insert(0, place)
                    raise
                run.errors.append(error)
                parts.append(b"null")
            for under in run.errors[known:]:
                under.path.insert(0, place)
        return b"[%b]" % b",".join(parts)

    return whole


class Program:
    """A compiled operation: its root selection, and how fields are resolved."""

    def __init__(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        switches: Mapping[str, object],
        resolver: Callable[[str, str], Resolve],
    ) -> None:
        """`switches` are the variables that @include and @skip depend on; they are part of the program."""
        self.document, self.operation, self.switches, self.resolver = document, operation, switches, resolver
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.root = Selection(self, [operation.selection_set])
        self.name = operation.name.value if operation.name is not None else ""

    def flatten(self, sets: Sequence[SelectionSetNode], type_name: str) -> list[Field]:
        """Merge selection sets for objects of one type."""
        found: dict[str, list[FieldNode]] = {}
        for selection_set in sets:
            self._collect(selection_set, type_name, found)
        parent = schema().type_map[type_name]
        definitions = cast("GraphQLObjectType", parent).fields
        return [
            Field(key, nodes, type_name, definitions.get(nodes[0].name.value) or TYPENAME, self)
            for key, nodes in found.items()
        ]

    def _collect(self, selection_set: SelectionSetNode, type_name: str, found: dict[str, list[FieldNode]]) -> None:
        for node in selection_set.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                found.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
                continue
            if isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                condition, under = fragment.type_condition.name.value, fragment.selection_set
            else:
                inline = cast("InlineFragmentNode", node)
                condition = inline.type_condition.name.value if inline.type_condition else type_name
                under = inline.selection_set
            if applies(condition, type_name):
                self._collect(under, type_name, found)

    def _included(self, node: object) -> bool:
        for directive in cast("FieldNode", node).directives or ():
            name = directive.name.value
            if name in ("include", "skip"):
                flag = literal((directive.arguments or ())[0].value, self.switches)
                if bool(flag) != (name == "include"):
                    return False
        return True


TYPENAME = GraphQLField(GraphQLNonNull(cast("GraphQLObjectType", schema().type_map["String"])))


def applies(condition: str, type_name: str) -> bool:
    """Whether a fragment on `condition` holds for objects of a type."""
    if condition == type_name:
        return True
    wanted = schema().type_map[condition]
    actual = schema().type_map[type_name]
    if isinstance(wanted, GraphQLUnionType):
        return actual in wanted.types
    return (
        isinstance(wanted, GraphQLInterfaceType)
        and isinstance(actual, GraphQLObjectType)
        and wanted in actual.interfaces
    )


def switch_names(document: DocumentNode) -> list[str]:
    """The variables that @include and @skip ask."""
    text = print_ast(document)
    words = text.replace(")", " ) ").split()
    return sorted(
        {word[1:] for place, word in enumerate(words) if word.startswith("$") and words[place - 1].endswith("(if:")}
    )
