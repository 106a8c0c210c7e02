"""The charts of the benchmark: from plain arrays to figures, and to files."""
