"""The recall sources: each says in its own way what could belong on the list, and how much."""
