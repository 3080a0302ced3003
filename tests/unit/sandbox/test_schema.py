"""Our schema is a part of the real one, and of nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    print_ast,
)

from boardlift.sandbox.kinds import KINDS
from boardlift.sandbox.schema import schema

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def real() -> GraphQLSchema:
    """The vendor's schema, if it is at hand."""
    path = Path(os.environ.get("BOARDLIFT_REAL_SDL") or ROOT.parent / "shared" / "monday-api" / "schema.graphql")
    if not path.is_file():
        pytest.skip(f"the vendor's schema is not at {path}; set BOARDLIFT_REAL_SDL to check ours against it")
    return build_schema(path.read_text(encoding="utf-8"))


def default_of(argument: object) -> str | None:
    node = argument.ast_node.default_value  # type: ignore[attr-defined]
    return None if node is None else print_ast(node)


OURS = sorted(name for name in schema().type_map if not name.startswith("__"))


@pytest.mark.parametrize("name", OURS)
def test_every_type_is_a_part_of_the_real_one(real: GraphQLSchema, name: str) -> None:
    """Fields, arguments with their defaults, enum values and members exist in the real schema with the same type."""
    mine, theirs = schema().type_map[name], real.type_map[name]
    assert type(mine) is type(theirs)
    if isinstance(mine, GraphQLEnumType):
        assert set(mine.values) <= set(theirs.values)
    if isinstance(mine, GraphQLUnionType):
        assert {member.name for member in mine.types} == {member.name for member in theirs.types}
    if isinstance(mine, GraphQLInputObjectType):
        for key, field in mine.fields.items():
            assert (str(field.type), default_of(field)) == (
                str(theirs.fields[key].type),
                default_of(theirs.fields[key]),
            )
    if isinstance(mine, GraphQLObjectType | GraphQLInterfaceType):
        assert {row.name for row in mine.interfaces} <= {row.name for row in theirs.interfaces}
        for key, field in mine.fields.items():
            assert str(field.type) == str(theirs.fields[key].type), key
            for argument, held in field.args.items():
                other = theirs.fields[key].args[argument]
                assert (str(held.type), default_of(held)) == (str(other.type), default_of(other)), (key, argument)


def test_every_column_value_type_is_there_with_all_its_scalars(real: GraphQLSchema) -> None:
    """All 41 implementing types are ours too, and none lacks a scalar field."""
    implementing = {
        name
        for name, found in real.type_map.items()
        if isinstance(found, GraphQLObjectType) and any(row.name == "ColumnValue" for row in found.interfaces)
    }
    assert len(implementing) == 41
    for name in implementing:
        mine, theirs = schema().type_map[name], real.type_map[name]
        assert isinstance(mine, GraphQLObjectType)
        assert isinstance(theirs, GraphQLObjectType)
        assert set(theirs.fields) == set(mine.fields), name


def test_every_kind_answers_with_a_type_of_the_schema() -> None:
    """A kind's GraphQL type exists, and the kind's name is a ColumnType."""
    types = schema().type_map["ColumnType"]
    assert isinstance(types, GraphQLEnumType)
    for kind in KINDS.values():
        assert kind.graph in schema().type_map
        assert kind.type in types.values
