"""A simulated monday.com account over real HTTP, with budgets, cursors that expire and faults on demand.

It stands alone: nothing else of boardlift is needed, and nothing of it leaves this machine.

A comment that says "FACTS 7" means section 7 of the notes on monday's API that this account was made from: they quote
monday's pages and recordings of others, and are no part of this repository.
"""

from .account import Account
from .command import serve
from .fault import Fault
from .options import SandboxOptions
from .server import Sandbox

__all__ = ["Account", "Fault", "Sandbox", "SandboxOptions", "serve"]
