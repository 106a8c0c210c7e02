"""How many boxes carry the right identity: what IDF1, IDP and IDR are made from."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from tracker.evaluation.comparison import Comparison


def right_identities(compared: Comparison, iou_threshold: float) -> int:
    """Boxes of tracks on their true person, when each true person is given one person at most.

    Of all such namings the one with the most boxes. IDP is this over the boxes of the tracks, IDR
    over the true boxes, IDF1 twice this over the sum of both.

    TrackEval's Identity finds the same number in two matrices of (true people + people) squared.
    Public trackers leave tens of thousands of people, and in a detector's file every box is its
    own: those matrices do not fit in memory, and the pairs that ever match always do.

    Source: Ristani et al., Performance Measures and a Data Set for Multi-Target, Multi-Camera
    Tracking, ECCV workshops 2016.
    """
    matching = compared.overlaps.where(compared.overlaps.iou >= iou_threshold)
    couples, boxes = np.unique(
        compared.true_person[matching.true] * compared.people + compared.person[matching.found],
        return_counts=True,
    )
    if not len(couples):
        return 0
    people, nameless = compared.people, np.arange(compared.truth_people)
    # A column more for each true person, to be given nobody. A weight of 0 would be no edge:
    # all are one higher than they are worth.
    weights = np.concatenate([boxes + 1, np.ones_like(nameless)])
    rows = np.concatenate([couples // people, nameless])
    columns = np.concatenate([couples % people, people + nameless])
    shape = (compared.truth_people, people + compared.truth_people)
    graph = csr_array((weights, (rows, columns)), shape=shape)
    chosen = min_weight_full_bipartite_matching(graph, maximize=True)
    return int(graph[chosen].sum()) - compared.truth_people
