"""Variables and arguments: from JSON and from the query's text to plain Python values of the declared types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    type_from_ast,
    value_from_ast_untyped,
)

from .schema import schema


class Misfit(Exception):
    """A value that does not fit its declared type."""


def variable_values(definitions: Sequence[VariableDefinitionNode], given: Mapping[str, object]) -> dict[str, object]:
    """The variables of an operation; Misfit with a sentence when one is missing or of another type."""
    values: dict[str, object] = {}
    for definition in definitions:
        name = definition.variable.name.value
        declared = cast("GraphQLInputType", type_from_ast(schema(), definition.type))
        if name in given:
            try:
                values[name] = coerce(declared, given[name])
            except Misfit as error:
                raise Misfit(f'Variable "${name}" got invalid value; {error}') from None
        elif definition.default_value is not None:
            values[name] = coerce(declared, value_from_ast_untyped(definition.default_value))
        elif isinstance(declared, GraphQLNonNull):
            raise Misfit(f'Variable "${name}" of required type "{declared}" was not provided.')
    return values


def coerce(declared: GraphQLInputType, value: object) -> object:
    """A JSON value as the type wants it: one value becomes a list, a number becomes an ID; else Misfit."""
    if isinstance(declared, GraphQLNonNull):
        if value is None:
            raise Misfit(f'Expected non-nullable type "{declared}" not to be null.')
        return coerce(declared.of_type, value)
    if value is None:
        return None
    if isinstance(declared, GraphQLList):
        members = cast("list[object]", value) if isinstance(value, list) else [value]
        return [coerce(declared.of_type, member) for member in members]
    if isinstance(declared, GraphQLInputObjectType):
        return coerce_object(declared, value)
    return coerce_leaf(declared.name, declared if isinstance(declared, GraphQLEnumType) else None, value)


def coerce_object(declared: GraphQLInputObjectType, value: object) -> dict[str, object]:
    """An input object, with the defaults of its fields."""
    if not isinstance(value, Mapping):
        raise Misfit(f'Expected type "{declared.name}" to be an object.')
    given = cast("Mapping[str, object]", value)
    unknown = next((name for name in given if name not in declared.fields), None)
    if unknown is not None:
        raise Misfit(f'Field "{unknown}" is not defined by type "{declared.name}".')
    result: dict[str, object] = {}
    for name, field in declared.fields.items():
        default = field.ast_node.default_value if field.ast_node is not None else None
        if name in given:
            result[name] = coerce(field.type, given[name])
        elif default is not None:
            result[name] = value_from_ast_untyped(default)
        elif isinstance(field.type, GraphQLNonNull):
            raise Misfit(f'Field "{name}" of required type "{field.type}" was not provided.')
    return result


def coerce_leaf(name: str, enum: GraphQLEnumType | None, value: object) -> object:
    """A scalar or an enum value."""
    if enum is not None:
        if not isinstance(value, str) or value not in enum.values:
            raise Misfit(f'Enum "{name}" cannot represent non-enum value: {value!r}.')
        return value
    number = isinstance(value, int) and not isinstance(value, bool)
    fits = {
        "ID": isinstance(value, str) or number,
        "String": isinstance(value, str),
        "Int": number and -(2**31) <= cast("int", value) < 2**31,
        "Float": number or isinstance(value, float),
        "Boolean": isinstance(value, bool),
    }.get(name, True)
    if not fits:
        raise Misfit(f"{name} cannot represent value: {value!r}")
    return str(value) if name == "ID" else value


def literal(node: ValueNode, variables: Mapping[str, object]) -> object:
    """A value of the query's text, with the variables put in."""
    if isinstance(node, VariableNode):
        return variables.get(node.name.value)
    if isinstance(node, NullValueNode):
        return None
    if isinstance(node, ListValueNode):
        return [literal(member, variables) for member in node.values]
    if isinstance(node, ObjectValueNode):
        return {
            field.name.value: literal(field.value, variables)
            for field in node.fields
            if not (isinstance(field.value, VariableNode) and field.value.name.value not in variables)
        }
    return value_from_ast_untyped(node)


def argument_values(
    node: FieldNode, declared: Mapping[str, GraphQLArgument], variables: Mapping[str, object]
) -> dict[str, object]:
    """The arguments of a field: given, else default; absent ones are not in the result."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    values: dict[str, object] = {}
    for name, argument in declared.items():
        value = given.get(name)
        absent = value is None or (isinstance(value, VariableNode) and value.name.value not in variables)
        default = argument.ast_node.default_value if argument.ast_node is not None else None
        if not absent and value is not None:
            values[name] = coerce(argument.type, literal(value, variables))
        elif default is not None:
            values[name] = value_from_ast_untyped(default)
    return values
