"""CVAT for video 1.1: tracks to be corrected in CVAT, and read back by `evaluation/cvat.py`.

A track is a person's stay in one shot. Its boxes are labelled "face", with who it is in the
attribute "person", and the detector's score in "score". Faces of nobody are left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from tracker.export.choosing import comparable
from tracker.mot import written_scores
from tracker.records import Tracks
from tracker.tracked import Appearance, TrackedVideo

LABEL = "face"
PERSON, SCORE = "person", "score"  # attributes of a box

_UNSET = ("", "__undefined__")  # values that nobody has chosen
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_cvat(path: Path, tracked: TrackedVideo) -> None:
    """Write XML for a task of the label "face" with the text attributes "person" and "score".

    Every box is in the file. Of those that were interpolated, ones between two that were not are
    no keyframes: CVAT moves them along when their neighbours are corrected.
    """
    labels, number = person_labels(tracked), 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_head(tracked))
        for person in tracked.people:
            tracks = tracked.tracks.where(tracked.tracks.person == person.number)
            for stay in person.appearances:
                file.write(f'  <track id="{number}" label="{LABEL}" source="auto">\n')
                file.writelines(
                    _boxes(_during(stay, tracks), labels[stay.person], len(tracked.timeline))
                )
                file.write("  </track>\n")
                number += 1
        file.write("</annotations>\n")


def person_labels(tracked: TrackedVideo) -> dict[int, str]:
    """What each person is called in CVAT: the name, with the number where others are called so.

    Whatever its case, no two people have the same one.
    """
    labels = {number: _tidy(name) for number, name in tracked.names.items()}
    while True:
        count = Counter(comparable(label) for label in labels.values())
        count.update(_UNSET)
        unclear = [n for n, label in labels.items() if count[comparable(label)] > 1]
        if not unclear:
            return labels
        for n in unclear:  # ends: two that both have their numbers behind differ for good
            labels[n] = f"{labels[n]} ({n})".strip()


def _tidy(name: str) -> str:
    """`name` in one line, without what XML cannot hold."""
    return " ".join(_NOT_XML.sub("\ufffd", name).split())


def _head(tracked: TrackedVideo) -> str:
    frames = len(tracked.timeline)
    attributes = "".join(
        f"<attribute><name>{name}</name><mutable>{mutable}</mutable><input_type>text</input_type>"
        "<default_value></default_value><values></values></attribute>"
        for name, mutable in ((PERSON, False), (SCORE, True))
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <name>{escape(_tidy(tracked.name))}</name>
      <size>{frames}</size>
      <mode>interpolation</mode>
      <overlap>0</overlap>
      <start_frame>0</start_frame>
      <stop_frame>{max(frames - 1, 0)}</stop_frame>
      <frame_filter></frame_filter>
      <labels>
        <label>
          <name>{LABEL}</name>
          <type>rectangle</type>
          <attributes>{attributes}</attributes>
        </label>
      </labels>
      <original_size>
        <width>{tracked.info.width}</width>
        <height>{tracked.info.height}</height>
      </original_size>
    </task>
  </meta>
"""


def _during(stay: Appearance, tracks: Tracks) -> Tracks:
    """Those of `tracks`, all of one person, that lie in `stay`."""
    first, stop = np.searchsorted(tracks.frame, [stay.first_frame, stay.last_frame + 1])
    return tracks.where(np.arange(first, stop))


def _boxes(tracks: Tracks, label: str, frame_count: int) -> Iterator[str]:
    """The boxes of one stay; where it breaks off, one outside, unless the video ends there."""
    frame = tracks.frame
    leaves = np.append(np.diff(frame) > 1, True)
    arrives = np.insert(leaves[:-1], 0, True)
    # CVAT forgets boxes that are no keyframes, and moves evenly between those that are.
    is_keyframe = (tracks.scores > 0) | leaves | arrives
    corners = tracks.boxes.astype(np.float64).tolist()
    scores = written_scores(tracks).tolist()
    for row, (at, box, score) in enumerate(zip(frame.tolist(), corners, scores, strict=True)):
        yield _box(at, box, bool(is_keyframe[row]), False, label, score)
        if leaves[row] and at + 1 < frame_count:
            yield _box(at + 1, box, True, True, label, score)


def _box(
    frame: int, corners: list[float], is_keyframe: bool, is_outside: bool, label: str, score: float
) -> str:
    x1, y1, x2, y2 = corners
    # On boxes outside, too: CVAT takes what never changes in a track from the last one.
    return (
        f'    <box frame="{frame}" keyframe="{is_keyframe:d}" outside="{is_outside:d}" '
        f'occluded="0" xtl="{x1:.2f}" ytl="{y1:.2f}" xbr="{x2:.2f}" ybr="{y2:.2f}" z_order="0">'
        f'<attribute name="{PERSON}">{escape(label)}</attribute>'
        f'<attribute name="{SCORE}">{score:g}</attribute></box>\n'
    )
