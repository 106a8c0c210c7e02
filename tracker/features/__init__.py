"""Face crops → fixed vectors, the same for every video."""
