"""What `multiface export` can be told, and examples of it."""

from __future__ import annotations

import argparse
from pathlib import Path

EXPORT_FORMATS = {
    "mot": "MOT text, for trackers and their measures",
    "cvat": "CVAT for video 1.1; corrected there, `multiface import` takes it back",
    "coco": "COCO-style JSON: a box with its person each",
    "csv": "two tables: a row a face, a row an appearance",
    "parquet": "the same two tables, typed and small",
    "vtt": "WebVTT subtitles of who is on screen, for browsers",
    "srt": "the same as SRT, for players and television",
    "otio": "OpenTimelineIO: a track a person, markers (pip install 'multiface[otio]')",
    "edl": "CMX 3600 edit list: the shots, with locators where people appear",
    "rttm": "RTTM, as pyannote and speaker diarisation have it",
}
_LISTED = "\n".join(f"  {name:<9}{meaning}" for name, meaning in EXPORT_FORMATS.items())
EXPORT_EXAMPLES = f"""\
examples:
  multiface export runs/film --format vtt
  multiface export runs/film --format csv edl --out tables
  multiface export runs/film --format all
  multiface export runs/film --format srt --out subtitles/film.srt

--format is one or more of:
{_LISTED}
  all      every one of them
Times are exact: those of the frames, also at 29.97 a second and where frames last unequally.
"""


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """What `multiface export` can be told."""
    parser.add_argument("run", type=Path, help="a run folder")
    parser.add_argument(
        "--format",
        nargs="+",
        required=True,
        choices=(*EXPORT_FORMATS, "all"),
        metavar="FORMAT",
        help="what to write; see below",
    )
    parser.add_argument(
        "--out",
        metavar="PATH",
        help="a folder (with a slash at its end, if it is new), or, where one file is written, its "
        "name; default: the run folder",
    )
    parser.add_argument(
        "--video",
        type=Path,
        metavar="FILE",
        help="where the video lies now, for otio; default: where it was",
    )
