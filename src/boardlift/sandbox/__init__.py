"""A simulated monday.com account over real HTTP, with budgets, cursors that expire and faults on demand.

It stands alone: nothing else of boardlift is needed, and nothing of it leaves this machine.
"""

from .account import Account
from .command import serve
from .fault import Fault
from .options import SandboxOptions
from .server import Sandbox

__all__ = ["Account", "Fault", "Sandbox", "SandboxOptions", "serve"]
