import base64

import cv2
import numpy as np

from tracker.report.faces import FACE_PX, SHEET_FACES, face_sheet, tiled


def grey(*levels):
    """Faces of one grey each."""
    return np.stack([np.full((40, 40, 3), level, np.uint8) for level in levels])


def decoded(sheet):
    head, content = sheet.source.split(",")
    assert head == "data:image/jpeg;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_COLOR)


def test_faces_are_side_by_side_in_rows():
    picture = tiled(grey(10, 50, 90, 130, 170), columns=3)
    assert picture.shape == (2 * FACE_PX, 3 * FACE_PX, 3)
    middles = picture[FACE_PX // 2 :: FACE_PX, FACE_PX // 2 :: FACE_PX, 0]
    assert middles.tolist() == [[10, 50, 90], [130, 170, 128]]


def test_a_sheet_is_a_picture_of_that_persons_faces_alone(portraits):
    sheet = face_sheet(portraits([1, 2], 3), 2)
    picture = decoded(sheet)
    assert picture.shape == (sheet.height, sheet.width, 3) == (FACE_PX, 3 * FACE_PX, 3)
    assert abs(float(picture.mean()) - 40) < 2


def test_of_many_faces_as_many_are_shown_as_there_is_room_for(portraits):
    assert face_sheet(portraits([4], 50), 4).faces == SHEET_FACES


def test_colours_are_kept(portraits):
    faces = portraits([1], 1)
    faces.images[:] = (200, 100, 50)
    blue, green, red = decoded(face_sheet(faces, 1)).mean(axis=(0, 1))
    assert abs(red - 200) < 4
    assert abs(green - 100) < 4
    assert abs(blue - 50) < 4


def test_somebody_without_faces_has_no_sheet(portraits):
    assert face_sheet(portraits([1], 3), 2) is None
