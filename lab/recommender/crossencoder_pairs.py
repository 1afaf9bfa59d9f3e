"""Makes what the cross-encoder learns from: `python -m lab.recommender.crossencoder_pairs --help`.

Requests and the items that go with them, over the demonstration catalogue and over goodbooks (titles, authors, shelves
and ratings; never their descriptions):

requests   written by hand (requests.jsonl), with the first hits of the product's search as what was not meant;
sentence   a sentence of a description, for the item without its description;
tags       some theme words of an item, for the items that have them, without their tags;
phrase     moods and category labels, for the items that have both;
like       "like TITLE", for its kin; in goodbooks for what the same people rated;
author     a name, for the items by it;
shelves    in goodbooks: some shelves of a book, for the books that stand on all of them.

FOLDER/pairs.npz: texts (n, 72) and asked (m, 24) as WordPiece ids, 0 where they end; yes (m, 16) and no (m, 48) as
rows of texts, -1 where they end; hits (m, 50) and scores (m, 50) of the product's search for hand-written requests;
kind and part (m,). Item texts come in four forms, one after the other: whole, without description, without tags,
without title and names.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tokenizers import Tokenizer

from catalog.opening import open_catalogue
from lab.recommender.crossencoder_demo import Demonstration
from lab.recommender.crossencoder_goodbooks import goodbooks
from lab.recommender.crossencoder_lessons import Lessons, wishes, write


def main() -> None:
    """Makes the file, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="a data folder without imported items")
    parser.add_argument("--folder", type=Path, help="where goodbooks10k/ lies; without it the demonstration alone")
    parser.add_argument("--shelves", type=int, default=12000, help="requests made from shelves")
    parser.add_argument("--base", type=Path, required=True, help="folder of the MiniLM model")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    lessons = Lessons()
    demonstration = Demonstration(open_catalogue(options.data_dir), lessons)
    demonstration.gather(wishes())
    if options.folder:
        goodbooks(options.folder, demonstration.catalogue, lessons, count=options.shelves)
    write(lessons, Tokenizer.from_file(str(options.base / "tokenizer.json")), options.out)


if __name__ == "__main__":
    main()
