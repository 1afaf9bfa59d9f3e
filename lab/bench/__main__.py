"""Benchmarks.  Run: python -m lab.bench turn|scale|recommender|recall [options]"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

WHAT = {
    "turn": "the running product: utterance to list, request, start, memory",
    "scale": "the request path on generated catalogues of growing size",
    "recall": "what each recall source brings",
    "recommender": "this recommender and its peers on one split of one data set",
}


def main(arguments: list[str]) -> None:
    """Hand the rest of the command line to one benchmark; the others are not loaded."""
    told = "\n".join(f"  {name:12} {text}" for name, text in WHAT.items())
    parser = argparse.ArgumentParser(
        prog="python -m lab.bench", description=told, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=WHAT, help="each has its own --help")
    what = parser.parse_args(arguments[:1]).what
    import_module(f"lab.bench.{what}").main(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
