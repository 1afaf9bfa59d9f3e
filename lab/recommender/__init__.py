"""Trains and measures the recommender's models on public data and on the simulated population."""
