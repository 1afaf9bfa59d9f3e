"""Language models: the embedded understanding model and what it shares with larger ones."""
