"""What can be recommended: items, category tree, words, the catalogue in memory, and how names find them."""
