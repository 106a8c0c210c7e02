"""Faces made unrecognisable in a video whose people are known: of everyone, or of the chosen."""
