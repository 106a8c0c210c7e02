"""Tracklets → people across shots, under cannot-link constraints; and how many people there are.

Average linkage (UPGMA; Sokal and Michener, 1958) on the distance of the tracklets' mean
directions. In Zhang et al., ECCV 2016, two tracklets that cannot be one person are
infinitely far apart, and so for ever is every cluster that holds one from every cluster that
holds the other: one stray tracklet then splits a person for good. Here they are very far
apart, so that a stray weighs little against hundreds of faces that agree; and whoever is left
in a cluster with somebody they cannot be is put out of it at the end. No cannot-link is ever
violated in the result.
"""
