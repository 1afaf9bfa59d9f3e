"""Laboratory: trains and measures the models that the product ships. Needs torch; never imported at run time."""
