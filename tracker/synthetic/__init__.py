"""A drawn cast: videos of any length whose every face is known.

`write_drawn_video` makes a video and its truth, `draw_frames` the same without a file, and
`draw_portrait` one face; `count_frames` says how long a video will be. Everything follows from
`SynthConfig`, its seed included.
"""

from tracker.synthetic.files import DrawnVideo, write_drawn_video
from tracker.synthetic.film import TrueFace, draw_frames, draw_portrait, make_cast
from tracker.synthetic.head import Expression
from tracker.synthetic.light import Light
from tracker.synthetic.script import count_frames
from tracker.synthetic.settings import SynthConfig

__all__ = [
    "DrawnVideo",
    "Expression",
    "Light",
    "SynthConfig",
    "TrueFace",
    "count_frames",
    "draw_frames",
    "draw_portrait",
    "make_cast",
    "write_drawn_video",
]
