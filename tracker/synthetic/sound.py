"""The sound track: a quiet chord and a few plucked notes for each shot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.synthetic.pen import Floats

RATE = 22050  # samples a second
CHORDS = ((0, 4, 7), (-3, 0, 4), (5, 9, 12), (7, 11, 14), (2, 5, 9), (4, 7, 11))  # semitones from C
NOTE_S = 0.3
_MIDDLE_C_HZ = 261.63
_EDGE_S = 0.02  # fade at both ends of a shot


def compose(path: Path, shots_s: list[tuple[float, float]], seed: int) -> NDArray[np.float32]:
    """Write mono samples in [-1, 1] for all shots to `path`, and give them as a memory map.

    Args:
        shots_s: start and end of each shot, in seconds, in order and without gaps.
    """
    rng = np.random.default_rng([seed, 7])
    count = max(1, round(shots_s[-1][1] * RATE))
    samples = np.memmap(path, np.float32, "w+", shape=(count,))
    chord = 0
    for start_s, stop_s in shots_s:
        start, stop = round(start_s * RATE), min(count, round(stop_s * RATE))
        samples[start:stop] = _shot_music(CHORDS[chord], (stop - start), rng)
        chord = int((chord + rng.integers(1, len(CHORDS))) % len(CHORDS))
    return samples


def _shot_music(chord: tuple[int, ...], count: int, rng: np.random.Generator) -> Floats:
    time = np.arange(count) / RATE
    music = np.zeros(count)
    for note in chord:
        pitch = _MIDDLE_C_HZ / 2 * 2 ** (note / 12)
        music += (
            0.05 * np.sin(2 * np.pi * pitch * time) * (1 + 0.2 * np.sin(2 * np.pi * 0.7 * time))
        )
    for start in range(0, count, round(NOTE_S * RATE)):
        if rng.random() < 0.8:
            pitch = _MIDDLE_C_HZ * 2 ** (chord[rng.integers(3)] / 12 + rng.integers(0, 2))
            after = time[: count - start]
            tone = np.sin(2 * np.pi * pitch * after) + 0.3 * np.sin(4 * np.pi * pitch * after)
            music[start:] += 0.1 * tone * np.exp(-after / 0.22) * np.minimum(1, after / 0.006)
    edge = np.minimum(1, np.minimum(time, time[::-1]) / _EDGE_S)
    faded: Floats = music * edge
    return faded
