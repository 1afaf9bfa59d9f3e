"""The recommender: recall, coarse, fine, mix, rerank, explain. Knows no SQL, no session, no screen."""
