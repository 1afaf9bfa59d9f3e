"""Progress lines of long laboratory runs."""

from __future__ import annotations

import logging
import sys


def log_to(name: str) -> logging.Logger:
    """A logger that writes `time message` lines to standard output."""
    logger = logging.getLogger(f"lab.understanding.{name}")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    return logger
