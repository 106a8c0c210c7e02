import dataclasses
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tracker.config import (
    BACKBONES,
    DETECTORS,
    FEATURE_KINDS,
    IDENTITY_LOSSES,
    LOSSES,
    MINING,
    OPTIMISERS,
    QUADRUPLET_LOSSES,
    TRUNKS,
    Config,
)
from tracker.errors import ConfigError
from tracker.settings import read_config, settings_as_dict, with_settings

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.y*ml"))
STAGES = [one.name for one in dataclasses.fields(Config) if one.name != "seed"]
SETTINGS = [
    (stage, name) for stage in STAGES for name in settings_as_dict(getattr(Config(), stage))
]

MINABLE_LOSSES = [name for name in LOSSES if name not in IDENTITY_LOSSES + QUADRUPLET_LOSSES]
MINED = [name for name in MINING if name not in ("auto", "offline")]

share = st.floats(0, 1)
# YAML takes some old line breaks for new ones, and so does not give them back.
one_line = st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029"), min_size=1)
valid_changes = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "detection": st.fixed_dictionaries(
            {},
            optional={
                "detector": st.sampled_from(DETECTORS),
                "file": st.none() | one_line,
                "file_box_scale": st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)),
                "min_score": st.none() | share,
                "min_face_px": st.none() | st.integers(1, 10**6),
            },
        ),
        "features": st.fixed_dictionaries({}, optional={"kind": st.sampled_from(FEATURE_KINDS)}),
        "clustering": st.fixed_dictionaries(
            {}, optional={"people": st.none() | st.integers(1, 10**6)}
        ),
        "embedding": st.fixed_dictionaries(
            {},
            optional={
                "loss": st.sampled_from(LOSSES),
                "trunk": st.sampled_from(TRUNKS),
                "init": st.none() | one_line,
                "dim": st.integers(2, 10**6),
                "raw_share": st.none() | share,
                "held_out_share": st.floats(0, 0.5),
                "optimiser": st.sampled_from(OPTIMISERS),
                "unit_length": st.booleans(),
            },
        ).filter(  # a tree of margins is for length 1
            lambda one: one.get("unit_length", True) or "hierarchical" not in one.get("loss", "")
        ),
    },
)


@pytest.fixture
def written(tmp_path):
    """Write a config file with the text given."""

    def write(text):
        path = tmp_path / "settings.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_every_default_passes_its_own_checks():
    assert with_settings(Config(), settings_as_dict(Config())) == Config()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_that_comes_along_loads(path):
    assert isinstance(read_config(path), Config)


@given(changes=valid_changes)
def test_settings_written_as_yaml_read_back_the_same(changes, tmp_path_factory):
    config = with_settings(Config(), changes)
    path = tmp_path_factory.mktemp("config") / "settings.yaml"
    path.write_text(yaml.safe_dump(settings_as_dict(config), allow_unicode=True), "utf-8")
    assert read_config(path) == config


def test_what_a_file_does_not_name_keeps_its_default(written):
    config = read_config(written("seed: 7\nclustering: {people: 4}\n"))
    assert config.seed == 7
    assert config.clustering == dataclasses.replace(Config().clustering, people=4)
    assert config.tracklets == Config().tracklets


def test_later_settings_go_over_earlier_ones():
    first = with_settings(Config(), {"embedding": {"steps": 5, "heads": 2}})
    second = with_settings(first, {"embedding": {"steps": 9}})
    assert (second.embedding.steps, second.embedding.heads) == (9, 2)


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n", "{}", "null"])
def test_an_empty_file_changes_nothing(written, text):
    assert read_config(written(text)) == Config()


def test_a_whole_number_passes_for_a_float(written):
    config = read_config(written("embedding: {margin: 1}"))
    assert type(config.embedding.margin) is float


@pytest.mark.parametrize(
    ("stage", "name", "value"),
    [
        ("clustering", "people", 3),
        ("detection", "min_face_px", 40),
        ("embedding", "raw_share", 0.5),
        ("embedding", "init", "runs/first"),
        ("embedding", "margin", 0.5),
    ],
)
def test_null_gives_an_optional_setting_back_its_default(written, stage, name, value):
    chosen = with_settings(Config(), {stage: {name: value}})
    back = yaml.safe_load(f"{stage}: {{{name}: null}}")
    assert with_settings(chosen, back) == Config()


def test_a_list_passes_for_a_pair(written):
    config = read_config(written("detection: {file_box_scale: [2, 1.5]}"))
    assert config.detection.file_box_scale == (2.0, 1.5)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tracklet: {}", "unknown setting tracklet: did you mean tracklets?"),
        ("tracklets: {min_iuo: 0.3}", "tracklets.min_iuo: did you mean tracklets.min_iou?"),
        ("clustering: {peple: 3}", "clustering.peple: did you mean clustering.people?"),
        ("3: 4", "unknown setting 3: did you mean"),
        ("detection: {detector: {name: mtcnn}}", "detection.detector must be str"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(written, text, told):
    with pytest.raises(ConfigError) as caught:
        read_config(written(text))
    assert told in str(caught.value)


@pytest.mark.parametrize(("stage", "name"), SETTINGS)
def test_every_setting_refuses_what_is_of_another_type(stage, name):
    with pytest.raises(ConfigError, match=rf"^{stage}\.{name} must be "):
        with_settings(Config(), {stage: {name: {"a": "mapping"}}})


@pytest.mark.parametrize(
    ("stage", "name", "value"),
    [
        ("tracklets", "max_gap_frames", 3.0),
        ("tracklets", "max_gap_frames", True),
        ("tracklets", "min_iou", "0.3"),
        ("tracklets", "min_iou", None),
        ("tracklets", "min_iou", [0.3]),
        ("detection", "min_score", True),
        ("detection", "file", 5),
        ("detection", "file_box_scale", 1.5),
        ("detection", "file_box_scale", [1.5]),
        ("detection", "file_box_scale", [1, 2, 3]),
        ("detection", "file_box_scale", ["1", 2]),
        ("detection", "min_face_px", 12.5),
        ("embedding", "raw_share", "half"),
        ("embedding", "max_looks", 1.5),
        ("embedding", "loss", None),
        ("embedding", "mining", ["batch-hard"]),
        ("embedding", "init", 3),
        ("embedding", "dim", 64.0),
        ("embedding", "learners", True),
        ("embedding", "unit_length", 1),
        ("embedding", "unit_length", "yes"),
        ("embedding", "held_out_share", "some"),
        ("clustering", "people", "three"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(stage, name, value):
    with pytest.raises(ConfigError, match=rf"^{stage}\.{name} must be "):
        with_settings(Config(), {stage: {name: value}})


@pytest.mark.parametrize(
    ("stage", "name", "value"),
    [
        ("shots", "min_jump", 0.0),
        ("shots", "min_jump_ratio", 1.0),
        ("tracklets", "min_iou", 0.0),
        ("tracklets", "min_iou", 1.01),
        ("tracklets", "min_iou", float("nan")),
        ("tracklets", "min_iou_lead", 1.0),
        ("tracklets", "max_gap_frames", -1),
        ("tracklets", "min_length", 0),
        ("features", "kind", "hogg"),
        ("features", "crops_per_tracklet", 0),
        ("detection", "detector", "retina"),
        ("detection", "min_score", -0.1),
        ("detection", "min_score", 1.1),
        ("detection", "sure_score", 1.1),
        ("detection", "min_face_px", 0),
        ("detection", "batch_frames", 0),
        ("detection", "every", 0),
        ("detection", "every", "often"),
        ("detection", "file_box_scale", (1.0, 0.0)),
        ("detection", "file_box_scale", (1.0, float("nan"))),
        ("detection", "file_box_scale", (float("inf"), 1.0)),
        ("clustering", "people", 0),
        ("clustering", "max_learned_distance", 0.0),
        ("clustering", "max_raw_distance", 0.0),
        ("clustering", "cannot_link_distance", -1.0),
        ("clustering", "cannot_link_distance", 1e6),
        ("clustering", "enough_detections", 0),
        ("clustering", "max_hog_distance", 0.0),
        ("clustering", "min_sure_share", -0.1),
        ("clustering", "min_sure_share", 1.1),
        ("clustering", "max_doubt", -0.1),
        ("clustering", "min_detections", 0),
        ("clustering", "min_share", 1.0),
        ("embedding", "raw_share", -0.1),
        ("embedding", "raw_share", 1.1),
        ("embedding", "quadruplet_margin", 0.0),
        ("embedding", "max_looks", -1),
        ("embedding", "heads", 0),
        ("embedding", "steps", 0),
        ("embedding", "held_out_share", -0.1),
        ("embedding", "held_out_share", 0.51),
        ("embedding", "patience", 0),
        ("embedding", "dim", 1),
        ("embedding", "learners", 0),
        ("embedding", "batch_triplets", 0),
        ("embedding", "batch_tracklets", 1),
        ("embedding", "faces_per_tracklet", 1),
        ("embedding", "trunk_rate", 0.0),
        ("embedding", "margin", 0.0),
        ("embedding", "learning_rate", 0.0),
        ("embedding", "correction_rate", 0.0),
        ("embedding", "weight_decay", -1.0),
        ("embedding", "dropout", 1.0),
        ("association", "max_link_gap_frames", -1),
        ("association", "max_link_move", -0.5),
        ("association", "max_fill_frames", -1),
        ("association", "smooth_centre_frames", -0.5),
        ("association", "smooth_size_frames", -0.5),
    ],
)
def test_a_value_out_of_range_is_refused(stage, name, value):
    with pytest.raises(ConfigError, match=rf"^{stage}\.{name} must be .*, got "):
        with_settings(Config(), {stage: {name: value}})


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("loss", LOSSES),
        ("mining", MINING),
        ("trunk", TRUNKS),
        ("backbone", ("auto", *BACKBONES)),
        ("optimiser", OPTIMISERS),
    ],
)
@pytest.mark.parametrize("value", ["best", "", "Auto", "symtriplet,triplet"])
def test_an_unknown_name_is_refused_with_all_known_ones(name, known, value):
    with pytest.raises(ConfigError) as caught:
        with_settings(Config(), {"embedding": {name: value}})
    told = f"embedding.{name} must be one of {', '.join(known)}, got {value}"
    assert str(caught.value) == told


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_can_be_chosen_and_leaves_its_mining_to_itself(loss):
    chosen = with_settings(Config(), {"embedding": {"loss": loss, "mining": "auto"}})
    assert chosen.embedding.loss == loss


@pytest.mark.parametrize("mining", MINING)
@pytest.mark.parametrize("loss", MINABLE_LOSSES)
def test_a_loss_on_triplets_or_pairs_takes_every_mining(loss, mining):
    chosen = with_settings(Config(), {"embedding": {"loss": loss, "mining": mining}})
    assert (chosen.embedding.loss, chosen.embedding.mining) == (loss, mining)


@pytest.mark.parametrize("mining", [*MINED, "offline"])
@pytest.mark.parametrize("loss", IDENTITY_LOSSES)
def test_a_loss_on_identities_takes_no_mining(loss, mining):
    with pytest.raises(ConfigError, match=f"{mining} is not for {loss}, .*; leave it out$"):
        with_settings(Config(), {"embedding": {"loss": loss, "mining": mining}})


@pytest.mark.parametrize("mining", MINED)
@pytest.mark.parametrize("loss", QUADRUPLET_LOSSES)
def test_a_loss_on_quadruplets_takes_no_mining_of_triplets(loss, mining):
    with pytest.raises(ConfigError, match=r"; leave it out, or choose symtriplet\+quadruplet$"):
        with_settings(Config(), {"embedding": {"loss": loss, "mining": mining}})


@pytest.mark.parametrize("loss", QUADRUPLET_LOSSES)
def test_a_loss_on_quadruplets_takes_those_drawn_from_the_constraints(loss):
    chosen = with_settings(Config(), {"embedding": {"loss": loss, "mining": "offline"}})
    assert chosen.embedding.mining == "offline"


@pytest.mark.parametrize("backbone", ["auto", *BACKBONES])
def test_every_backbone_can_be_fine_tuned(backbone):
    chosen = with_settings(Config(), {"embedding": {"trunk": "finetune", "backbone": backbone}})
    assert chosen.embedding.backbone == backbone


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_backbone_that_nothing_fine_tunes_is_refused(backbone):
    with pytest.raises(ConfigError, match=r"^embedding\.backbone must be left out unless trunk is"):
        with_settings(Config(), {"embedding": {"backbone": backbone}})


@pytest.mark.parametrize("loss", IDENTITY_LOSSES)
def test_identities_are_not_divided_among_learners(loss):
    with pytest.raises(ConfigError, match=rf"^embedding\.learners: {loss} learns from whole"):
        with_settings(Config(), {"embedding": {"loss": loss, "learners": 2}})


@pytest.mark.parametrize(
    "changes", [{"loss": "hierarchical-triplet"}, {"mining": "distance-weighted"}]
)
def test_what_reckons_with_length_1_is_refused_for_other_lengths(changes):
    with_settings(Config(), {"embedding": changes})
    with pytest.raises(ConfigError, match=r"^embedding\.unit_length: "):
        with_settings(Config(), {"embedding": {**changes, "unit_length": False}})


@pytest.mark.parametrize(("dim", "learners"), [(64, 1), (64, 4), (64, 32), (6, 3), (2, 1)])
def test_an_embedding_can_be_divided_into_equal_parts(dim, learners):
    chosen = with_settings(Config(), {"embedding": {"dim": dim, "learners": learners}})
    assert (chosen.embedding.dim, chosen.embedding.learners) == (dim, learners)


@pytest.mark.parametrize(
    ("dim", "learners"),
    [(64, 3), (64, 128), (65, 2), (64, 64), (2, 2)],  # the last two leave a learner one dimension
)
def test_an_embedding_is_never_divided_into_unequal_parts_nor_into_single_numbers(dim, learners):
    with pytest.raises(ConfigError, match=rf"^embedding\.learners must be a divisor of {dim}"):
        with_settings(Config(), {"embedding": {"dim": dim, "learners": learners}})


def test_the_quadruplet_term_is_part_of_the_name_of_a_loss(written):
    config = read_config(written("embedding: {loss: symtriplet+quadruplet}"))
    assert config.embedding.loss == "symtriplet+quadruplet"
    with pytest.raises(ConfigError, match=r"unknown setting embedding\.quadruplet: "):
        read_config(written("embedding: {quadruplet: true}"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e13])
@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("shots", "max_blend_residual"),  # which no rule of its own would catch
        ("tracklets", "min_iou"),
        ("detection", "min_score"),
        ("embedding", "learning_rate"),
        ("embedding", "held_out_share"),
        ("embedding", "trunk_rate"),
        ("clustering", "max_learned_distance"),
        ("association", "smooth_size_frames"),
    ],
)
def test_a_number_that_is_not_an_ordinary_one_is_refused(stage, name, value):
    with pytest.raises(ConfigError, match=rf"^{stage}\.{name} must be an ordinary number, got "):
        with_settings(Config(), {stage: {name: value}})


def test_no_part_of_a_pair_may_be_infinite(written):
    with pytest.raises(ConfigError, match="file_box_scale must be an ordinary number, got inf"):
        read_config(written("detection: {file_box_scale: [1.0, .inf]}"))


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "1", None])
def test_a_seed_that_no_generator_takes_is_refused(seed):
    with pytest.raises(ConfigError, match=r"^seed must be "):
        with_settings(Config(), {"seed": seed})


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("value", [None, 3, "text", ["list"]])
def test_a_stage_must_be_a_mapping(stage, value):
    with pytest.raises(ConfigError, match=f"^{stage} must map settings to values"):
        with_settings(Config(), {stage: value})


@pytest.mark.parametrize("text", ["- a list", "only text", "42"])
def test_a_file_that_is_no_mapping_is_refused(written, text):
    with pytest.raises(ConfigError, match="must map settings to values"):
        read_config(written(text))


@pytest.mark.parametrize(
    "text",
    [
        "seed: [1",
        "\tseed: 1",
        "a: b: c",
        "seed: 1\n---\nseed: 2",
        "? [a]\n: 1",
        "[" * 2000,
        "seed: 2020-02-30",  # YAML reads dates
        "seed: " + "9" * 5000,
        "seed: \x00",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_yaml_is_refused_in_one_line(written, text):
    path = written(text)
    with pytest.raises(ConfigError, match="is not YAML") as caught:
        read_config(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.getcwd []", "!!python/name:os.system", "!secret x"]
)
def test_yaml_tags_are_refused(written, tag):
    with pytest.raises(ConfigError, match="is not YAML"):
        read_config(written(f"seed: {tag}"))


def test_an_error_names_the_file_it_is_in(written):
    path = written("clustering: {people: 0}")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert str(caught.value) == f"{path}: clustering.people must be 1 or more, got 0"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the config"):
        read_config(tmp_path / "none.yaml")


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the config"):
        read_config(tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ConfigError, match="cannot read the config"):
        read_config(path)


def test_settings_as_dict_is_plain_data():
    plain = settings_as_dict(Config())
    assert plain["seed"] == 0
    assert plain["detection"]["detector"] == "auto"
    assert set(plain) == {*STAGES, "seed"}
