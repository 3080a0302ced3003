"""The boards of the made-up account: what a manufacturer keeps on monday.com, and a few meant to break things."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from . import words
from .board import ANCHOR, DAY, EPOCH, Board, Group
from .column import Column, pooled
from .derived import (
    formula_column,
    group_column,
    item_id_column,
    log_column,
    mirror_column,
    relation_column,
    subtasks_column,
)
from .index import BoardIndex
from .kinds import KINDS, Directory
from .kinds.base import Record

GROUP_COLOURS = ("#037f4c", "#579bfc", "#fdab3d", "#e2445c", "#a25ddc")
TITLES: dict[str, tuple[str, ...]] = {
    "text": ("Part number", "Remarks", "Kunde", "הערות", "part number"),
    "long_text": ("Notes", "Beschreibung", "備考"),
    "numbers": ("Quantity", "Unit price", "Scrap %", "Plan / Ist", "Budget"),
    "status": ("Status", "Priority", "Freigabe", "Phase"), "dropdown": ("Material", "Colour", "Source"),
    "date": ("Due date", "Start", "Liefertermin", "Last audit"), "timeline": ("Timeline", "Shift plan"),
    "people": ("Owner", "Reviewers", "People"), "checkbox": ("Approved?", "Done ✔"),
    "link": ("Drawing", "CV"), "email": ("Contact", "E-Mail"), "phone": ("Phone",),
    "file": ("Files", "Attachments"), "tags": ("Tags",), "rating": ("Rating",), "vote": ("Votes",),
    "week": ("Calendar week",), "hour": ("Shift start",), "country": ("Country",),
    "location": ("Location",), "color_picker": ("Paint",), "world_clock": ("Site clock",),
    "time_tracking": ("Time spent",), "integration": ("Ticket",), "doc": ("Spec",),
    "direct_doc": ("monday Doc",), "team": ("Team",), "person": ("Contact person",),
    "progress": ("Progress",), "auto_number": ("#",), "button": ("Notify",),
    "unsupported": ("New thing",), "item_assignees": ("Assignees",),
}  # fmt: skip
LEGACY_PREFIX = {"people": "multiple_person", "status": "color", "numbers": "numeric", "mirror": "lookup"}
POOLED = tuple(kind for kind in KINDS if kind not in ("board_relation", "dependency"))


class Builder:
    """Makes boards one after the other; all of them draw from one seed and one directory."""

    def __init__(self, world: Directory, index: BoardIndex, workspaces: list[Record], seed: int) -> None:
        """`index` receives the boards."""
        self.world, self.index, self.workspaces, self.seed = world, index, workspaces, seed

    def board(
        self,
        name: str,
        items: int,
        namer: Callable[[int], str],
        groups: tuple[str, ...],
        *,
        workspace: int | None = 0,
        kind: str = "board",
    ) -> Board:
        """A board with a name column; `workspace` None is the main workspace as old accounts show it (FACTS 6)."""
        serial = self.index.next_serial()
        rows = [
            Group(
                "topics" if place == 0 else f"group_mkx{serial}{place}",
                title,
                GROUP_COLOURS[place % 5],
                f"{65536.0 * (place + 1):.1f}",
            )
            for place, title in enumerate(groups)
        ]
        board = Board(serial, name, self.world, namer, items, rows, type=kind)
        board.workspace = None if workspace is None else self.workspaces[workspace]
        board.created_at = EPOCH + serial * DAY // 2
        board.touched_at = ANCHOR - serial * 3600
        board.columns.append(Column("name", "Name", "name", {}, None))
        return self.index.add(board)

    def columns(self, board: Board, types: str) -> None:
        """Add pooled columns; ids are old, new or of a legacy prefix, titles repeat when there are many (FACTS 16)."""
        for type_name in types.split():
            count = sum(column.type == type_name for column in board.columns)
            titles = TITLES[type_name]
            title = titles[count % len(titles)] + (f" {count // len(titles) + 1}" if count >= len(titles) * 2 else "")
            board.columns.append(self.column(board, type_name, count, title))

    def column(self, board: Board, type_name: str, count: int, title: str) -> Column:
        """One pooled column."""
        suffix = Random(f"{self.seed}:{board.serial}:{type_name}:{count}").randrange(36**5)
        short = f"{type_name[:12]}{count or ''}"
        modern = f"{LEGACY_PREFIX.get(type_name, type_name)[:14]}_mk{suffix % 46656:x}"
        identity = short if count % 2 == 0 and not any(column.id == short for column in board.columns) else modern
        size = 199 if len(board.columns) > 60 else 499
        return pooled(self.world, identity, title, type_name, seed=f"{self.seed}:{board.serial}", size=size)

    def logs(self, board: Board, prefix: str | None) -> None:
        """The columns that follow from the item itself."""
        board.columns += [
            log_column(board, "creation_log", "Created", "creation_log"),
            log_column(board, "last_updated__1", "Last updated", "last_updated"),
            item_id_column(board, "item_id", "Item ID", prefix),
        ]

    def subitems(self, board: Board, share: float, each: int, types: str) -> Board:
        """A hidden board "Subitems of X" for a share of the items, with columns of its own (FACTS 10)."""
        parents = max(1, int(board.base * share))
        child = self.board(
            f"Subitems of {board.name}",
            parents * each,
            lambda place: f"Step {place // parents + 1}",
            ("Subitems",),
            kind="sub_items_board",
        )
        child.workspace, child.parent, child.parents = board.workspace, board, parents
        self.columns(child, types)
        child.columns.append(log_column(child, "creation_log", "Created", "creation_log"))
        board.columns.append(subtasks_column(board, child, f"subtasks_mk{board.serial}"))
        return child

    def relate(self, board: Board, target: Board, title: str, mirrored: str | None = None) -> Column:
        """Connect a board with another; with `mirrored` (a type) also show that column of the target in a mirror."""
        place = len(board.columns)
        column = relation_column(board, target, f"board_relation_mk{place}", title, f"{self.seed}:{board.serial}")
        board.columns.append(column)
        if mirrored is not None:
            seen = next(found for found in target.columns if found.type == mirrored)
            board.columns.append(
                mirror_column(column, target, seen, f"lookup_mk{place}", f"{seen.title} (of {title})", self.index.find)
            )
        return column

    def formula(self, board: Board, factor: str) -> None:
        """A formula over the board's first numbers column."""
        numbers = next(column for column in board.columns if column.type == "numbers")
        board.columns.append(formula_column(board, f"formula_mk{len(board.columns)}", "Total", numbers, factor))


def named(seed: int, kind: str) -> Callable[[int], str]:
    """Names of items: made from words and the place, so that most are unlike."""

    drawn: dict[int, str] = {}

    def draw(key: int, make: Callable[[Random], str]) -> str:
        if key not in drawn:
            drawn[key] = make(Random(f"{seed}:{kind}:{key}"))
        return drawn[key]

    def product(place: int) -> str:
        return f"{draw(place % 499, words.product_name)} {place + 1:05d}"

    def person(place: int) -> str:
        return draw(place % 1009, words.person_name)

    return person if kind == "person" else product


def hostile_name(place: int) -> str:
    """The hostile titles, the same title ten times, then the hostile titles again with a number."""
    count = len(words.HOSTILE_TITLES)
    if place < count:
        return words.HOSTILE_TITLES[place]
    return words.SAME_TITLE if place < count + 10 else f"{words.HOSTILE_TITLES[place % count]} {place}"


def fill(builder: Builder, size: float) -> None:
    """The default account: about 12,000 items at size 1.0, every column type, links between the boards."""

    def scaled(items: int) -> int:
        return max(3, round(items * size))

    seed = builder.seed
    factories = builder.board(
        "Factories", scaled(120), named(seed, "factory"), ("Europe", "Asia", "アメリカ"), workspace=1
    )
    builder.columns(
        factories,
        "text country location status people numbers phone email world_clock dropdown link rating date file team",
    )
    builder.logs(factories, "FAB")
    inventory = builder.board(
        "Inventory", scaled(2200), named(seed, "stock"), ("In stock", "On order", "Blocked"), workspace=1
    )
    builder.columns(
        inventory,
        "text text numbers numbers numbers status dropdown date checkbox color_picker long_text tags week"
        " unsupported auto_number link file numbers",
    )
    builder.formula(inventory, "1.19")
    builder.relate(inventory, factories, "Factory", "country")
    builder.logs(inventory, None)
    customers = builder.board("Customer Master Schedule", scaled(2000), named(seed, "order"), ("Q3", "Q4", "Backlog"))
    builder.columns(
        customers,
        "text long_text numbers numbers status status date date timeline people email phone link dropdown"
        " checkbox tags vote rating",
    )
    builder.relate(customers, inventory, "Parts", "numbers")
    builder.relate(customers, factories, "Site", "status")
    builder.logs(customers, "CMS")
    planning = builder.board("Master Production Planning", scaled(3400), named(seed, "job"), words.DEPARTMENTS[:6])
    builder.columns(
        planning,
        "text text long_text numbers numbers numbers status status status dropdown date date date timeline"
        " timeline people people checkbox"
        " week hour time_tracking file tags link progress button direct_doc item_assignees",
    )
    builder.relate(planning, customers, "Order", "date")
    builder.relate(planning, factories, "Factory", "location")
    planning.columns.append(
        relation_column(planning, planning, "dependent_on", "Dependent on", f"{seed}:dep", "dependency")
    )
    builder.formula(planning, "0.5")
    planning.columns.append(group_column(planning, "group_mkz", "Group"))
    builder.subitems(planning, 0.15, 3, "text status people date numbers checkbox")
    builder.logs(planning, "PLN")
    fill_office(builder, scaled)


def fill_office(builder: Builder, scaled: Callable[[int], int]) -> None:
    """The boards that have nothing to do with making things, and the odd ones."""
    seed = builder.seed
    hiring = builder.board(
        "Hiring – מועמדים", scaled(700), named(seed, "person"), ("Applied", "Interview", "Offer"), workspace=2
    )
    hiring.kind = "private"
    builder.columns(
        hiring,
        "email phone country location status date hour people person rating link file long_text dropdown doc"
        " checkbox text vote",
    )
    builder.logs(hiring, None)
    bugs = builder.board("Bugs & Requests", scaled(900), named(seed, "bug"), ("New", "Triage", "Fixed"))
    builder.columns(
        bugs,
        "status status people text long_text integration numbers date tags vote time_tracking dropdown link"
        " unsupported file text",
    )
    builder.subitems(bugs, 0.1, 2, "status people text")
    builder.logs(bugs, "BUG")
    content = builder.board(
        "Content calendar 📅", scaled(400), named(seed, "content"), ("Ideas", "Published"), workspace=None
    )
    builder.columns(
        content,
        "status date timeline people long_text text link color_picker tags checkbox numbers file week rating dropdown",
    )
    builder.relate(content, bugs, "Release notes", "status")
    builder.logs(content, None)
    monster = builder.board("Monster (150 columns)", scaled(500), named(seed, "monster"), ("One", "Two"))
    builder.columns(monster, " ".join(POOLED[place % len(POOLED)] for place in range(149)))
    hostile = builder.board(
        "Hostile titles", 74, hostile_name, ("It's a group", "It's a group", "DROP TABLE groups;--")
    )
    builder.columns(hostile, "text long_text status numbers date people dropdown checkbox link email")
    builder.logs(hostile, None)
    builder.board("An empty board", 0, named(seed, "none"), ("Group Title",))
    builder.columns(builder.index.boards[-1], "status people date")
    builder.board("Assembly instructions", 0, named(seed, "doc"), ("Group Title",), kind="document")


BENCHMARK_TYPES = (
    "status people date numbers text long_text dropdown timeline link email checkbox board_relation"
    " status numbers text date people phone rating"
    " tags dropdown numbers text country week hour file long_text vote color_picker"
)


def fill_benchmark(builder: Builder, boards: int, items: int, columns: int) -> None:
    """`boards` boards of `items` items and `columns` columns each; connect columns point at the board itself."""
    types = BENCHMARK_TYPES.split()
    for number in range(boards):
        name = "Benchmark" if boards == 1 else f"Board {number + 1:04d}"
        board = builder.board(name, items, named(builder.seed, f"bench{number}"), ("To do", "Doing", "Done"))
        for place in range(columns):
            type_name = types[place % len(types)]
            if type_name == "board_relation":
                builder.relate(board, board, "Linked")
            else:
                builder.columns(board, type_name)
