"""Understanding: turns an utterance into tool calls. Corpus, training, export and evaluation."""
