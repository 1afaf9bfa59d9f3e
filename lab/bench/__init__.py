"""Benchmarks: a turn of the product, growth of the catalogue, and recommenders side by side."""
