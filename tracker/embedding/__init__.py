"""The 64-D embedding, learned from the video's own constraints."""
