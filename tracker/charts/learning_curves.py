"""How learning went, as a picture."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tracker.embedding.training import Curves

_SIZE_IN = (9.0, 3.6)
_DPI = 120
_SMOOTHED_STEPS = 25


def draw_curves(curves: Curves, title: str) -> bytes:
    """A PNG of the loss by step, and of how many triplets are right, learned and held out.

    Lines differ in style as well as in colour: they can be told apart in grey.
    """
    figure = Figure(figsize=_SIZE_IN, dpi=_DPI, layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    _draw_loss(loss, curves.loss)
    rounds = np.linspace(0, len(curves.loss), len(curves.accuracy) + 1)[1:]
    accuracy.plot(rounds, 100 * curves.accuracy, color="tab:blue", label="learned from")
    if np.isfinite(curves.held_out).any():
        held_out = 100 * curves.held_out
        accuracy.plot(rounds, held_out, color="tab:orange", linestyle="--", label="held out")
    accuracy.set(xlabel="step", ylabel="triplets that are right, %", xlim=(0, None))
    accuracy.grid(alpha=0.3)
    accuracy.legend(loc="best")
    figure.suptitle(title, fontsize="medium")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()


def _draw_loss(axes: Axes, loss: NDArray[np.float32]) -> None:
    axes.plot(np.arange(1, len(loss) + 1), loss, color="0.8", linewidth=0.8)
    width = min(_SMOOTHED_STEPS, len(loss))
    smooth = np.convolve(loss, np.full(width, 1 / width), mode="valid")
    axes.plot(np.arange(len(smooth)) + (width + 1) / 2, smooth, color="tab:blue")
    axes.set(xlabel="step", ylabel="loss", xlim=(0, None), ylim=(0, None))
    axes.grid(alpha=0.3)
