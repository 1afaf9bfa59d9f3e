"""The fine ranker that a benchmark measures: the one that the settings name, unless the command line names another."""

from __future__ import annotations

import argparse
from typing import get_args

from recommend.rankers import Ranker
from settings import load_settings


def add_scorer(parser: argparse.ArgumentParser) -> None:
    """The flag `--scorer`."""
    parser.add_argument(
        "--scorer",
        choices=get_args(Ranker),
        default=load_settings().ranker,
        help="the fine ranker (default: that of the settings, %(default)s)",
    )
