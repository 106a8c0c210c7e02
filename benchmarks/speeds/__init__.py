"""The parts of `benchmarks/speed.py`: each compares ways to do one thing, run in turn."""
