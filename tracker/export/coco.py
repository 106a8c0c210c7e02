"""COCO-style JSON of a video's frames, with the keys by which CocoVID tells who is who."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tracker.export.tables import face_columns
from tracker.tracked import TrackedVideo

CATEGORY = 1  # face
_VIDEO = 1  # there is but one


def write_coco(path: Path, tracked: TrackedVideo) -> None:
    """Write an image a frame that shows anybody, and an annotation a face.

    Frames count from 0, in `frame_id` and in the name of the picture's file, which is not made.
    Boxes are x, y, width, height. `track_id` and `instance_id` are the number of the person, whose
    name is in `people`. Faces of nobody are left out.
    """
    content = {
        "info": {
            "description": f"Faces in {tracked.name}, by multiface",
            "version": "1.0",
        },
        "licenses": [],
        "videos": [
            {
                "id": _VIDEO,
                "name": tracked.name,
                "width": tracked.info.width,
                "height": tracked.info.height,
                "frames": len(tracked.timeline),
            }
        ],
        "images": _images(tracked),
        "annotations": _annotations(tracked),
        "categories": [{"id": CATEGORY, "name": "face", "supercategory": "person"}],
        "people": [{"id": number, "name": name} for number, name in tracked.names.items()],
    }
    with path.open("w", encoding="ascii") as file:  # readers open it in whatever encoding
        # All at once: the encoder that writes piece by piece is many times as slow.
        file.write(json.dumps(content, allow_nan=False, separators=(",", ":")) + "\n")


def _images(tracked: TrackedVideo) -> list[dict[str, Any]]:
    return [
        {
            "id": frame + 1,
            "file_name": f"frame_{frame:06d}.jpg",
            "width": tracked.info.width,
            "height": tracked.info.height,
            "video_id": _VIDEO,
            "frame_id": frame,
            "time_s": float(tracked.timeline.start_s(frame)),
        }
        for frame in np.unique(tracked.tracks.frame).tolist()
    ]


def _annotations(tracked: TrackedVideo) -> list[dict[str, Any]]:
    columns = face_columns(tracked)
    wanted = ("frame", "person", "x", "y", "width", "height", "score", "interpolated")
    rows = zip(*(columns[name] for name in wanted), strict=True)
    return [
        {
            "id": number,
            "image_id": frame + 1,
            "video_id": _VIDEO,
            "category_id": CATEGORY,
            "bbox": [x, y, width, height],
            "area": round(width * height, 4),
            "segmentation": [],
            "iscrowd": 0,
            "track_id": person,
            "instance_id": person,
            "score": score,
            "interpolated": interpolated,
        }
        for number, (frame, person, x, y, width, height, score, interpolated) in enumerate(rows, 1)
    ]
