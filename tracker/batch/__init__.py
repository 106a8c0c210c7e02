"""Many videos, each looked at by itself: in processes of this machine, or on a Ray cluster.

`find_videos` says which, `run_batch` has an engine (`LocalEngine` or `RayEngine`) work them off
and writes down how far it is in a `Manifest`, and `format_table` shows what came of it.
"""
