"""How good tracks are: reading the truth, and measuring against it."""
