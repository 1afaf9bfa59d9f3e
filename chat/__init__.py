"""The conversation: language in, recommender tools called, words and cards out."""
