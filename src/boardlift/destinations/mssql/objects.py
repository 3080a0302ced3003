"""What can hang on a live table in SQL Server, as values that say how they are made again."""

from __future__ import annotations

from dataclasses import dataclass, field

from boardlift.destinations.mssql.sql import Name
from boardlift.shape.sql import COMMA, SQL, Composable


@dataclass(frozen=True)
class ColumnFact:
    """A column as it is. `spelled` is its type as CREATE TABLE takes it, with its collation."""

    name: str
    spelled: str
    nullable: bool
    computed: bool = False
    identity: bool = False
    mask: str = ""

    @property
    def definition(self) -> Composable:
        """The column without a word on NULL. Its type's text is made from what the catalogue says of it."""
        return SQL("{} {}").format(Name(self.name), Composable(self.spelled))


@dataclass(frozen=True)
class IndexFact:
    """An index, or the one behind a key or a UNIQUE constraint. `keys` are (column, descending)."""

    name: str
    kind: int
    unique: bool
    primary: bool
    constraint: bool
    keys: tuple[tuple[str, bool], ...]
    included: tuple[str, ...]
    filtered: str
    options: str
    disabled: bool

    @property
    def columns(self) -> set[str]:
        return {name for name, _ in self.keys} | set(self.included)

    @property
    def shape(self) -> tuple[object, ...]:
        """What makes two indexes the same, whatever they are called."""
        return (self.kind, self.unique, self.constraint, self.keys, self.included, self.filtered)

    def made(self, name: str, target: Composable) -> Composable:
        """The statement that makes it on a table under a name."""
        keys = COMMA.join(
            SQL("{}{}").format(Name(column), SQL(" DESC") if down else SQL("")) for column, down in self.keys
        )
        options = SQL(" WITH ({})").format(Composable(self.options)) if self.options else SQL("")
        if self.constraint or self.primary:
            kind = SQL("PRIMARY KEY") if self.primary else SQL("UNIQUE")
            order = SQL("NONCLUSTERED") if self.kind == NONCLUSTERED else SQL("CLUSTERED")
            return SQL("ALTER TABLE {} ADD CONSTRAINT {} {} {} ({}){}").format(
                target, Name(name), kind, order, keys, options
            )
        if self.kind == COLUMNSTORE:
            columns = COMMA.join(Name(column) for column in self.included)
            statement = SQL("CREATE NONCLUSTERED COLUMNSTORE INDEX {} ON {} ({})").format(Name(name), target, columns)
        else:
            head = SQL("CREATE {}NONCLUSTERED INDEX {} ON {} ({})")
            statement = head.format(SQL("UNIQUE ") if self.unique else SQL(""), Name(name), target, keys)
            if self.included:
                statement += SQL(" INCLUDE ({})").format(COMMA.join(Name(column) for column in self.included))
        if self.filtered:
            # The filter is SQL Server's own text of an index that it holds.
            statement += SQL(" WHERE {}").format(Composable(self.filtered))
        return statement + options

    def remade(self, name: str, target: Composable) -> list[Composable]:
        """The same, and out of use where it was."""
        disabled = SQL("ALTER INDEX {} ON {} DISABLE").format(Name(name), target)
        return [self.made(name, target), disabled] if self.disabled else [self.made(name, target)]

    def dropped(self, target: Composable) -> Composable:
        if self.constraint or self.primary:
            return SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(target, Name(self.name))
        return SQL("DROP INDEX {} ON {}").format(Name(self.name), target)


NONCLUSTERED, COLUMNSTORE = 2, 6


@dataclass(frozen=True)
class Check:
    name: str
    definition: str
    enabled: bool
    trusted: bool

    def made(self, name: str, target: Composable) -> list[Composable]:
        """Added under a name; unchecked where the one before it was."""
        how = SQL("WITH CHECK") if self.trusted else SQL("WITH NOCHECK")
        made = SQL("ALTER TABLE {} {} ADD CONSTRAINT {} CHECK {}").format(
            target, how, Name(name), Composable(self.definition)
        )
        return [made] if self.enabled else [made, _disabled(target, name)]


@dataclass(frozen=True)
class Default:
    name: str
    column: str
    definition: str

    def made(self, target: Composable) -> Composable:
        return SQL("ALTER TABLE {} ADD CONSTRAINT {} DEFAULT {} FOR {}").format(
            target, Name(self.name), Composable(self.definition), Name(self.column)
        )


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key from `child` to `parent`, both (schema, table); `pairs` are (child column, parent column)."""

    name: str
    child: tuple[str, str]
    parent: tuple[str, str]
    pairs: tuple[tuple[str, str], ...]
    on_delete: str
    on_update: str
    enabled: bool
    trusted: bool
    replicated: bool
    escalation: str = field(default="TABLE", compare=False)  # of the child's locks

    def __str__(self) -> str:
        return f"foreign key {self.name} of {'.'.join(self.child)}"

    @property
    def dropped(self) -> Composable:
        return SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(Name(*self.child), Name(self.name))

    @property
    def made(self) -> list[Composable]:
        child = Name(*self.child)
        made = SQL(
            "ALTER TABLE {} WITH {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {} ON UPDATE {}{}"
        ).format(
            child,
            SQL("CHECK") if self.trusted else SQL("NOCHECK"),
            Name(self.name),
            COMMA.join(Name(column) for column, _ in self.pairs),
            Name(*self.parent),
            COMMA.join(Name(column) for _, column in self.pairs),
            ACTIONS[self.on_delete],
            ACTIONS[self.on_update],
            SQL("") if self.replicated else SQL(" NOT FOR REPLICATION"),
        )
        return [made] if self.enabled else [made, _disabled(child, self.name)]


ACTIONS: dict[str, Composable] = {
    "NO_ACTION": SQL("NO ACTION"),
    "CASCADE": SQL("CASCADE"),
    "SET_NULL": SQL("SET NULL"),
    "SET_DEFAULT": SQL("SET DEFAULT"),
}


@dataclass(frozen=True)
class Trigger:
    """`definition` is the text it was made with, empty when it is encrypted; `first` and `last` are events."""

    name: str
    definition: str
    enabled: bool
    instead: bool
    ordinary: bool  # made under the settings that we have, too
    first: tuple[str, ...]
    last: tuple[str, ...]


@dataclass(frozen=True)
class Grant:
    """One permission. `state` is G, W (with grant option), D or R; `column` is empty for the whole table."""

    state: str
    permission: str
    column: str
    grantee: str
    grantor: str


@dataclass(frozen=True)
class Property:
    """An extended property; `kind` is TABLE, COLUMN, INDEX, CONSTRAINT or TRIGGER, `part` its name."""

    kind: str
    part: str
    name: str
    value: str


@dataclass(frozen=True)
class Predicate:
    """A security policy's rule on a table. `definition` is the call of its function."""

    policy: tuple[str, str]
    kind: str
    operation: str
    definition: str

    @property
    def text(self) -> str:
        return f"security policy {'.'.join(self.policy)}"

    def dropped(self, target: Composable) -> Composable:
        return SQL("ALTER SECURITY POLICY {} DROP {} PREDICATE ON {}{}").format(
            Name(*self.policy), PREDICATES[self.kind], target, OPERATIONS[self.operation]
        )

    def made(self, target: Composable) -> Composable:
        call = self.definition[1:-1] if self.definition.startswith("(") else self.definition
        return SQL("ALTER SECURITY POLICY {} ADD {} PREDICATE {} ON {}{}").format(
            Name(*self.policy), PREDICATES[self.kind], Composable(call), target, OPERATIONS[self.operation]
        )


PREDICATES: dict[str, Composable] = {"FILTER": SQL("FILTER"), "BLOCK": SQL("BLOCK")}
OPERATIONS: dict[str, Composable] = {
    "": SQL(""),
    "AFTER INSERT": SQL(" AFTER INSERT"),
    "AFTER UPDATE": SQL(" AFTER UPDATE"),
    "BEFORE UPDATE": SQL(" BEFORE UPDATE"),
    "BEFORE DELETE": SQL(" BEFORE DELETE"),
}


@dataclass(frozen=True)
class Statistic:
    name: str
    columns: tuple[str, ...]
    filtered: str
    frozen: bool

    def made(self, target: Composable) -> Composable:
        statement = SQL("CREATE STATISTICS {} ON {} ({})").format(
            Name(self.name), target, COMMA.join(Name(column) for column in self.columns)
        )
        if self.filtered:
            statement += SQL(" WHERE {}").format(Composable(self.filtered))
        return statement + (SQL(" WITH NORECOMPUTE") if self.frozen else SQL(""))


@dataclass(frozen=True)
class Dependant:
    """A view, function, procedure or other table's trigger that names the table; `bound` to it by SCHEMABINDING."""

    schema: str
    name: str
    kind: str
    bound: bool

    def __str__(self) -> str:
        return f"{KINDS.get(self.kind, 'object')} {self.schema}.{self.name}"


KINDS = {"P": "procedure", "TR": "trigger", "V": "view", "FN": "function", "IF": "function", "TF": "function"}


@dataclass(frozen=True)
class Live:
    """A table of the live namespace, or a staged one, with all that hangs on it."""

    name: str
    object_id: int
    owner: str
    explicit_owner: bool
    escalation: str
    columns: tuple[ColumnFact, ...] = ()
    indexes: tuple[IndexFact, ...] = ()
    checks: tuple[Check, ...] = ()
    defaults: tuple[Default, ...] = ()
    pointing_in: tuple[ForeignKey, ...] = ()
    pointing_out: tuple[ForeignKey, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    grants: tuple[Grant, ...] = ()
    properties: tuple[Property, ...] = ()
    predicates: tuple[Predicate, ...] = ()
    statistics: tuple[Statistic, ...] = ()
    dependants: tuple[Dependant, ...] = ()
    made: int = 0  # how many columns it had when boardlift sealed it; 0 where that was not counted
    tied: tuple[str, ...] = ()  # what can neither be moved nor made again, each as a sentence without an end

    @property
    def key(self) -> tuple[str, ...]:
        return next((tuple(name for name, _ in index.keys) for index in self.indexes if index.primary), ())

    @property
    def shape(self) -> tuple[tuple[str, str], ...]:
        return tuple((column.name, column.spelled) for column in self.columns)

    def column_names(self) -> set[str]:
        return {column.name for column in self.columns}


def escalation_statement(target: Composable, escalation: str) -> Composable:
    """The level that row locks grow to."""
    return SQL("ALTER TABLE {} SET (LOCK_ESCALATION = {})").format(
        target, {"AUTO": SQL("AUTO"), "DISABLE": SQL("DISABLE")}.get(escalation, SQL("TABLE"))
    )


def _disabled(target: Composable, name: str) -> Composable:
    return SQL("ALTER TABLE {} NOCHECK CONSTRAINT {}").format(target, Name(name))
