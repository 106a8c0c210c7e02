import io

import cv2
import numpy as np
import pytest

DPI = 100


@pytest.fixture
def pixels():
    """The picture (H, W, 3) of a figure, at 100 pixels an inch."""

    def draw(figure):
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=DPI)
        return cv2.imdecode(np.frombuffer(picture.getvalue(), np.uint8), cv2.IMREAD_COLOR)

    return draw
