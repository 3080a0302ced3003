"""From a request to an answer, without the network: compile, execute, count, pay."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from graphql import (
    DocumentNode,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    get_location,
    graphql_sync,
)

from .account import Account
from .coerce import Misfit, variable_values
from .compile import Program, encode, switch_names
from .cursors import Snapshots
from .fault import Fault
from .limits import Limits
from .problems import FieldError, Refusal, validation
from .resolve import resolver
from .run import Lies, Run
from .schema import check, schema

KEPT_PROGRAMS = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """An executed query: the body without its closing `extensions`, what it cost and what it held."""

    text: bytes
    cost: int
    items: int
    with_cells: int


class Programs:
    """Compiled queries by text."""

    def __init__(self) -> None:
        """Empty at first."""
        self._documents: OrderedDict[str, DocumentNode | Refusal] = OrderedDict()
        self._programs: OrderedDict[tuple[str, str, str], Program | Refusal] = OrderedDict()

    def get(self, query: str, name: str | None, given: Mapping[str, object]) -> Program | Refusal:
        """The program of a query, or the router's refusal."""
        document = self._document(query)
        if isinstance(document, Refusal):
            return document
        switches = {key: given.get(key) for key in switch_names(document)} if "@" in query else {}
        key = (query, name or "", repr(switches))
        held = self._programs.get(key)
        if held is None:
            held = self._programs[key] = compiled(document, name, switches)
            if len(self._programs) > KEPT_PROGRAMS:
                self._programs.popitem(last=False)
        return held

    def _document(self, query: str) -> DocumentNode | Refusal:
        held = self._documents.get(query)
        if held is None:
            document, errors = check(query)
            places = [
                (quoted(error.message), [{"line": at.line, "column": at.column} for at in error.locations or ()])
                for error in errors
            ]
            held = self._documents[query] = document if document is not None else validation(places)
            if len(self._documents) > KEPT_PROGRAMS:
                self._documents.popitem(last=False)
        return held


def compiled(document: DocumentNode, name: str | None, switches: Mapping[str, object]) -> Program | Refusal:
    """The program of one operation of a document."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name is not None:
        operations = [node for node in operations if node.name is not None and node.name.value == name]
    if len(operations) != 1:
        return validation([("Must provide the name of one operation of the document.", [])])
    if operations[0].operation is not OperationType.QUERY:
        return validation([("The sandbox answers queries only.", [])])
    return Program(document, operations[0], switches, resolver)


class Engine:
    """Executes queries on an account."""

    def __init__(self, account: Account, snapshots: Snapshots, limits: Limits) -> None:
        """One engine for each server."""
        self.account, self.snapshots, self.limits = account, snapshots, limits
        self.programs = Programs()

    def prepare(
        self, query: str, name: str | None, given: Mapping[str, object]
    ) -> tuple[Program, dict[str, object]] | Refusal:
        """The program and its checked variables, or the refusal."""
        program = self.programs.get(query, name, given)
        if isinstance(program, Refusal):
            return program
        definitions = program.operation.variable_definitions or ()
        try:
            return program, variable_values(definitions, given)
        except Misfit as error:
            return validation([(str(error), [location(definitions[0])] if definitions else [])])

    def touches(self, program: Program, variables: Mapping[str, object]) -> tuple[set[str], set[int]]:
        """The operation's names (its own and its root fields) and the boards it reads, as far as the arguments tell."""
        run = Run(self.account, self.snapshots, variables)
        boards: set[int] = set()
        fields = program.root.fields("Query")
        for field in fields:
            if field.name.startswith("__"):
                continue
            arguments = field.arguments(run)
            if field.name == "boards" and arguments.get("ids") is not None:
                boards |= {int(row) for row in cast("list[str]", arguments["ids"]) if row.isdigit()}
            if field.name == "items":
                found = (
                    self.account.index.find(int(row))
                    for row in cast("list[str]", arguments.get("ids") or [])
                    if row.isdigit()
                )
                boards |= {ref[0].id for ref in found if ref is not None}
            if field.name == "next_items_page":
                board = self.snapshots.board_of(str(arguments["cursor"]))
                boards |= {board.id} if board is not None else set()
            if field.name == "items_page_by_column_values" and str(arguments["board_id"]).isdigit():
                boards.add(int(str(arguments["board_id"])))
        return {program.name, *(field.name for field in fields)} - {""}, boards

    def execute(
        self,
        program: Program,
        variables: Mapping[str, object],
        lies: Lies,
        version: str,
        faults: Sequence[Fault] = (),
        strikes: Callable[[Fault], bool] = lambda _fault: False,
    ) -> Answer | Refusal:
        """Execute a prepared query; Struck when one of the faults by item or column is met and `strikes` says so.

        The complexity fields are filled in last, when the cost is known.
        """
        if any(field.name.startswith("__") and field.name != "__typename" for field in program.root.fields("Query")):
            return self._introspect(program, variables)
        run = Run(self.account, self.snapshots, variables, lies, version, self.limits.options)
        run.faults, run.strikes = list(faults), strikes
        with self.account.lock:
            failed = False
            parts: list[bytes | None] = []
            for field in program.root.fields("Query"):
                try:
                    parts.append(None if field.name == "complexity" else field.render(None, run))
                except FieldError as error:
                    run.errors.append(error)
                    failed = True
        cost = run.objects * 10
        paid = self.limits.pay(cost)
        if isinstance(paid, Refusal):
            return paid
        if failed:
            data = b"null"
        else:
            filled = (
                part if part is not None else complexity(program, place, run, cost, paid)
                for place, part in enumerate(parts)
            )
            data = b"{%b}" % b",".join(filled)
        text = b'{"data":' + data
        if run.errors:
            text += b',"errors":' + encode([error.body() for error in run.errors])
        return Answer(text, cost, run.items, run.with_cells)

    def _introspect(self, program: Program, variables: Mapping[str, object]) -> Answer:
        result = graphql_sync(
            schema(),
            "\n".join(
                node.loc.source.body[node.loc.start : node.loc.end] for node in program.document.definitions if node.loc
            ),
            variable_values=dict(variables),
        )
        return Answer(b'{"data":' + encode(result.data), 0, 0, 0)


def quoted(message: str) -> str:
    """graphql-core writes 'names' where the router's library writes "names"."""
    return message.replace("'", '"')


def complexity(program: Program, place: int, run: Run, cost: int, paid: tuple[int, int, int]) -> bytes:
    """The complexity object, free of charge itself."""
    field = program.root.fields("Query")[place]
    before, after, reset = paid
    record = {"before": before, "after": after, "query": cost, "reset_in_x_seconds": reset}
    return field.prefix + field.complete(record, run)


def location(definition: VariableDefinitionNode) -> dict[str, int]:
    """Where in the query the variables are declared."""
    if definition.loc is None:
        return {"line": 1, "column": 1}
    found = get_location(definition.loc.source, definition.loc.start)
    return {"line": found.line, "column": found.column}
