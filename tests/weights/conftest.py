"""Which interpreter collects what: the modules in pytorch/ are for the one that has PyTorch."""

from __future__ import annotations

import importlib.util

collect_ignore = [] if importlib.util.find_spec("torch") else ["pytorch"]
