"""What can be recommended: items, the category tree, mood and scene words, the catalogue in memory, and how names find them."""
