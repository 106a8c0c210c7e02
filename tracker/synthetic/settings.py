"""Settings of a drawn video."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tracker.errors import ConfigError
from tracker.synthetic.people import MAX_PEOPLE


@dataclass(frozen=True, slots=True)
class SynthConfig:
    """A drawn video."""

    seed: int = 0
    people: int = 5
    duration_s: float = 20.0
    width: int = 640  # pixels
    height: int = 360
    frame_rate: Fraction = Fraction(25)
    mean_shot_s: float = 1.6
    dissolve_share: float = 0.18  # of the changes of shot; the others are cuts
    grain: float = 1.6  # standard deviation of the picture's noise, grey levels
    crf: int = 24  # of x264

    def __post_init__(self) -> None:
        limits = {
            "seed": (0, 2**63 - 1),
            "people": (2, MAX_PEOPLE),
            "duration_s": (1, 24 * 3600),
            "width": (160, 3840),
            "height": (120, 2160),
            "frame_rate": (5, 120),
            "mean_shot_s": (0.8, 60),
            "dissolve_share": (0, 1),
            "grain": (0, 20),
            "crf": (0, 51),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"synth.{name} must be in [{low}, {high}], got {value}")

    @property
    def frame_count(self) -> int:
        """How many frames the video has."""
        return max(1, round(Fraction(self.duration_s) * self.frame_rate))
