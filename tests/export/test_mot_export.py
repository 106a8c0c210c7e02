"""MOT text of a finished run, as others read it."""

import motmetrics
import numpy as np
import pytest

from tracker.mot import write_mot


@pytest.mark.filterwarnings("ignore:Operation with tuple")  # of pandas, at motmetrics
def test_motmetrics_reads_every_face(tmp_path, tracked):
    path = tmp_path / "film.mot.txt"
    write_mot(path, tracked.tracks)
    table = motmetrics.io.loadtxt(str(path), fmt="mot15-2D").reset_index()
    corners = tracked.tracks.boxes.astype(float).round(2)
    np.testing.assert_array_equal(table["FrameId"] - 1, tracked.tracks.frame)
    np.testing.assert_array_equal(table["Id"], tracked.tracks.person)
    # motmetrics takes a pixel off: as in MATLAB, its first one is 1.
    np.testing.assert_allclose(table[["X", "Y"]] + 1, corners[:, :2], atol=1e-9)
    sides = corners[:, 2:] - corners[:, :2]
    np.testing.assert_allclose(table[["Width", "Height"]], sides, atol=1e-9)
    np.testing.assert_allclose(table["Confidence"], tracked.tracks.scores, atol=1e-6)
