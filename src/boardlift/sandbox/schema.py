"""The part of monday.com's schema that the sandbox answers, and whether a query fits it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from graphql import DocumentNode, GraphQLError, GraphQLSchema, build_schema, parse, validate


@cache
def sdl() -> str:
    """The schema as text."""
    return files("boardlift.sandbox").joinpath("schema.graphql").read_text(encoding="utf-8")


@cache
def schema() -> GraphQLSchema:
    """The schema, built once."""
    return build_schema(sdl())


def check(query: str) -> tuple[DocumentNode | None, list[GraphQLError]]:
    """Parse and validate a query: the document, or the errors the router would answer."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return None, [error]
    errors = validate(schema(), document)
    return (None, errors) if errors else (document, [])
