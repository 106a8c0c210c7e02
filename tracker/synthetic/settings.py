"""Settings of a drawn video."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tracker.errors import ConfigError
from tracker.synthetic.people import MAX_PEOPLE

MAX_GROUP = 4  # people in one shot
MAX_SHOTS = 100_000


@dataclass(frozen=True, slots=True)
class SynthConfig:
    """A drawn video."""

    seed: int = 0
    people: int = 5
    duration_s: float = 20.0
    shots: int | None = None  # if given, the video is as long as so many shots, not `duration_s`
    width: int = 640  # pixels
    height: int = 360
    frame_rate: Fraction = Fraction(25)
    mean_shot_s: float = 1.6
    dissolve_share: float = 0.18  # of the changes of shot; the others are cuts
    group_sizes: tuple[int, ...] = (1, 2, 3, 1, 2, 2, 1, 3, 2, 4)  # dealt in shuffled rounds
    variation: float = 1.0  # of light and size from shot to shot; 2 is as strong as faces bear
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
            "variation": (1, 2),
            "grain": (0, 20),
            "crf": (0, 51),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"synth.{name} must be in [{low}, {high}], got {value}")
        if self.shots is not None and not 1 <= self.shots <= MAX_SHOTS:
            raise ConfigError(f"synth.shots must be in [1, {MAX_SHOTS}], got {self.shots}")
        if not self.group_sizes or not all(1 <= size <= MAX_GROUP for size in self.group_sizes):
            raise ConfigError(
                f"synth.group_sizes must be one or more numbers in [1, {MAX_GROUP}], "
                f"got {self.group_sizes}"
            )

    @property
    def frame_count(self) -> int | None:
        """How many frames the video has; None where `shots` decide (see `count_frames`)."""
        if self.shots is not None:
            return None
        return max(1, round(Fraction(self.duration_s) * self.frame_rate))
