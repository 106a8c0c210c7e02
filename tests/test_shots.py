import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.config import ShotConfig
from tracker.errors import FormatError
from tracker.records import Shot
from tracker.shots import (
    ShotDetector,
    blend_residual,
    correlation,
    read_shots,
    shots_from_cuts,
    write_shots,
)

WIDTH, HEIGHT = 160, 90
GRAIN = 2.0  # grey levels


def place(seed, contrast=100, width=WIDTH, height=HEIGHT):
    """Discs of every size and colour, each over the ones before: (H, W, 3) float32.

    Sharp edges at all scales, as photographs have them ("dead leaves").
    """
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 128, np.float32)
    for _ in range(width * height // 60):
        radius = int(min(4 / np.sqrt(rng.random() + 1e-3), 45))
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        colour = 128 + contrast * rng.uniform(-1, 1, 3)
        cv2.circle(picture, centre, radius, colour.tolist(), cv2.FILLED)
    return picture


def filmed(pictures):
    """`pictures` as a camera sees them: uint8, with a little noise that differs each frame."""
    rng = np.random.default_rng(0)
    for picture in pictures:
        noisy = picture + rng.normal(0, GRAIN, picture.shape)
        yield np.clip(np.round(noisy), 0, 255).astype(np.uint8)


def find_shots(pictures):
    detector = ShotDetector(ShotConfig())
    for image in filmed(pictures):
        detector.push(image)
    return detector.finish()


def first_frames(shots):
    return [shot.start for shot in shots]


def dissolve(before, after, length):
    """The `length` frames between two pictures that fade into one another."""
    shares = np.arange(1, length + 1) / (length + 1)
    return [(1 - share) * before + share * after for share in shares]


@pytest.mark.parametrize("cut", [10, 30, 51])
def test_a_hard_cut_is_found_at_its_exact_frame(cut):
    pictures = [place(1)] * cut + [place(2)] * (60 - cut)
    assert find_shots(pictures) == [Shot(0, cut), Shot(cut, 60)]


def test_every_one_of_many_cuts_is_found():
    starts = [0, 12, 40, 53, 90]
    stops = [*starts[1:], 110]
    pictures = [
        place(seed)
        for seed, (a, b) in enumerate(zip(starts, stops, strict=True))
        for _ in range(a, b)
    ]
    assert first_frames(find_shots(pictures)) == starts


def test_a_cut_between_two_dim_pictures_is_found():
    pictures = [place(1, contrast=20)] * 25 + [place(2, contrast=20)] * 25
    assert find_shots(pictures) == [Shot(0, 25), Shot(25, 50)]


@pytest.mark.parametrize("length", [8, 12, 20, 30, 40])
def test_a_dissolve_is_one_change_of_shot_near_its_middle(length):
    before, after = place(1), place(2)
    pictures = [before] * 50 + dissolve(before, after, length) + [after] * 50
    shots = find_shots(pictures)
    assert len(shots) == 2
    assert shots[1].start == pytest.approx(50 + length / 2, abs=3)


def test_two_dissolves_are_two_changes_of_shot():
    one, two, three = place(1), place(2), place(3)
    pictures = [one] * 40 + dissolve(one, two, 12) + [two] * 40 + dissolve(two, three, 12)
    shots = find_shots(pictures + [three] * 40)
    np.testing.assert_allclose(first_frames(shots), [0, 46, 98], atol=3)


def test_a_hard_cut_is_not_taken_for_a_dissolve_too():
    pictures = [place(1)] * 60 + [place(2)] * 60 + [place(3)] * 60
    assert first_frames(find_shots(pictures)) == [0, 60, 120]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_of_light_is_no_cut(length):
    scene = place(1, contrast=70)
    pictures = [scene] * 30 + [scene * 0.3 + 178] * length + [scene] * 30
    assert find_shots(pictures) == [Shot(0, 60 + length)]


def test_a_strobe_is_no_cut():
    scene = place(1, contrast=70)
    pictures = [scene + (70 if 20 <= t < 50 and t % 3 == 0 else 0) for t in range(70)]
    assert find_shots(pictures) == [Shot(0, 70)]


def test_a_lamp_that_stays_on_is_no_cut():
    scene = place(1, contrast=70)
    assert find_shots([scene - 40] * 30 + [scene + 20] * 30) == [Shot(0, 60)]


def test_a_slow_fade_of_the_light_is_no_dissolve():
    scene = place(1, contrast=70)
    assert find_shots([scene + shift for shift in np.linspace(-50, 50, 90)]) == [Shot(0, 90)]


@pytest.mark.parametrize("step_px", [1, 3, 8])
def test_a_pan_is_no_cut(step_px):
    wide = place(1, width=WIDTH + 90 * step_px)
    pictures = [wide[:, t * step_px : t * step_px + WIDTH] for t in range(90)]
    assert find_shots(pictures) == [Shot(0, 90)]


def test_a_zoom_is_no_cut():
    scene = place(1)
    pictures = []
    for zoom in np.linspace(1, 2, 80):
        closer = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 0, zoom)
        pictures.append(cv2.warpAffine(scene, closer, (WIDTH, HEIGHT)))
    assert find_shots(pictures) == [Shot(0, 80)]


def test_a_still_video_is_one_shot():
    assert find_shots([place(1)] * 80) == [Shot(0, 80)]


def test_a_video_of_one_frame_is_one_shot():
    assert find_shots([place(1)]) == [Shot(0, 1)]


def test_a_video_of_no_frames_has_no_shots():
    assert find_shots([]) == []


def test_very_wide_pictures_are_read_too():
    strip = np.zeros((1, 900, 3), np.float32)
    assert find_shots([strip] * 6) == [Shot(0, 6)]


def test_correlation_is_one_for_the_same_layout_in_another_light():
    picture = place(1)[..., 0]
    assert correlation(picture, 0.5 * picture + 30) == pytest.approx(1, abs=1e-4)


def test_correlation_of_a_picture_and_its_negative_is_minus_one():
    picture = place(1)[..., 0]
    assert correlation(picture, 255 - picture) == pytest.approx(-1, abs=1e-4)


def test_correlation_of_flat_pictures_is_zero():
    assert correlation(np.full((4, 4), 7.0), np.full((4, 4), 9.0)) == 0


def test_blend_residual_by_hand():
    before = np.array([[0.0, 100.0], [100.0, 0.0]])
    after = np.array([[100.0, 0.0], [0.0, 100.0]])
    config = ShotConfig()
    # All four pixels change by 100; the middle is 50 everywhere when blended, `after` when cut.
    assert blend_residual(before, (before + after) / 2, after, config) == 0
    assert blend_residual(before, after, after, config) == pytest.approx(0.5)


def test_blend_residual_is_one_for_pictures_too_alike_for_a_change_of_shot():
    picture = np.array([[0.0, 100.0], [100.0, 0.0]])
    assert blend_residual(picture, picture + 5, picture + 10, ShotConfig()) == 1


@given(st.integers(0, 50), st.lists(st.integers(-5, 60), max_size=8))
def test_shots_from_cuts_cover_every_frame_once(frame_count, cuts):
    shots = shots_from_cuts(sorted(cuts), frame_count)
    covered = [frame for shot in shots for frame in range(shot.start, shot.stop)]
    assert covered == list(range(frame_count))
    assert {shot.start for shot in shots} - {0} == {cut for cut in cuts if 0 < cut < frame_count}


@given(st.integers(1, 40), st.sets(st.integers(1, 39)))
@settings(deadline=None)
def test_written_shots_are_read_back(frame_count, cuts):
    shots = shots_from_cuts(sorted(cuts), frame_count)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shots.csv"
        write_shots(path, shots)
        assert read_shots(path, frame_count) == shots


def test_shots_are_written_counted_from_one_with_the_last_frame_included(tmp_path):
    path = tmp_path / "shots.csv"
    write_shots(path, [Shot(0, 12), Shot(12, 30)])
    assert path.read_text() == "shot,first_frame,last_frame\n1,1,12\n2,13,30\n"


@pytest.fixture
def file_of(tmp_path):
    def write(text):
        path = tmp_path / "shots.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_file_without_a_header_with_a_mark_and_blank_lines_is_read(file_of):
    path = file_of("\ufeff1,1,10\r\n\r\n2,11,20\r\n")
    assert read_shots(path, 20) == [Shot(0, 10), Shot(10, 20)]


def test_frames_of_no_shot_join_the_shot_before_them(file_of):
    assert read_shots(file_of("1,1,5\n2,11,15\n"), 20) == [Shot(0, 10), Shot(10, 20)]


def test_an_empty_file_is_one_shot(file_of):
    assert read_shots(file_of(""), 20) == [Shot(0, 20)]


@pytest.mark.parametrize(
    ("bad_line", "problem"),
    [
        ("2,11", "expected shot,first_frame,last_frame"),
        ("2;11;20", "expected shot,first_frame,last_frame"),
        ("2,eleven,20", "expected shot,first_frame,last_frame"),
        ("2,11.5,20", "expected shot,first_frame,last_frame"),
        ("2,0,20", "frames 0 to 20 are out of order"),
        ("2,-3,20", "frames -3 to 20 are out of order"),
        ("2,20,11", "frames 20 to 11 are out of order"),
        ("2,1,10", "frames 1 to 10 are out of order"),
        ("2,11,31", "frame 31 is beyond the video's 30"),
        ("2,10,20", "frames 10 to 20 are out of order"),
    ],
)
def test_a_malformed_shot_is_refused_with_its_line(file_of, bad_line, problem):
    path = file_of(f"shot,first_frame,last_frame\n1,1,10\n{bad_line}\n")
    with pytest.raises(FormatError, match=rf"shots\.csv, line 3: {problem}"):
        read_shots(path, 30)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"gone\.csv: cannot be read as a list of shots"):
        read_shots(tmp_path / "gone.csv", 30)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "shots.csv"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(FormatError, match="cannot be read as a list of shots"):
        read_shots(path, 30)
