import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.benchmark.rows import AS_CONFIGURED, COMPENSATED, RAW, Row, means_of, rows_for
from tracker.config import FEATURE_KINDS, LOSSES, Config
from tracker.settings import settings_as_dict, with_settings

KINDS = FEATURE_KINDS[1:]


def changed(before, after):
    """Every setting that is another one now, by its full name."""
    flat = [
        {
            f"{stage}.{name}": value
            for stage, values in settings_as_dict(config).items()
            for name, value in (values if isinstance(values, dict) else {"": values}).items()
        }
        for config in (before, after)
    ]
    return {name: value for name, value in flat[1].items() if flat[0][name] != value}


def test_each_kind_of_features_comes_raw_compensated_and_by_each_loss_then_the_main_job():
    rows = rows_for(["hog", "face"], ["triplet", "arcface"], "auto")
    assert [row.title for row in rows] == [
        "hog, raw",
        "hog, compensated",
        "hog + triplet",
        "hog + arcface",
        "face, raw",
        "face, compensated",
        "face + triplet",
        "face + arcface",
        "multiface track",
    ]
    assert rows[-1] == Row("auto", AS_CONFIGURED)


def test_without_features_there_is_only_the_main_job():
    assert rows_for([], LOSSES, "hog") == [Row("hog", AS_CONFIGURED)]


@given(st.sets(st.sampled_from(KINDS)), st.sets(st.sampled_from(LOSSES)))
def test_no_two_rows_are_called_the_same(kinds, losses):
    titles = [row.title for row in rows_for(sorted(kinds), sorted(losses), "hog")]
    assert len(set(titles)) == len(titles) == len(kinds) * (2 + len(losses)) + 1


def test_a_raw_row_takes_features_as_they_come():
    embedding = Row("hog", RAW).settings(Config(), 0, None).embedding
    assert embedding.raw_share == 1
    assert not embedding.standardise
    assert not embedding.compensate
    assert embedding.max_looks == 0


def test_a_compensated_row_learns_nothing_and_changes_nothing_else():
    row = Row("hog", COMPENSATED)
    assert changed(Config(), row.settings(Config(), 0, None)) == {
        "features.kind": "hog",
        "embedding.raw_share": 1.0,
    }


@pytest.mark.parametrize("loss", LOSSES)
def test_a_learned_row_has_all_of_the_distance_learned_by_its_loss(loss):
    embedding = Row("face", loss).settings(Config(), 0, None).embedding
    assert (embedding.raw_share, embedding.loss) == (0, loss)


def test_the_main_job_is_left_as_it_is_configured():
    config = with_settings(Config(), {"embedding": {"raw_share": 0.3}, "features": {"kind": "hog"}})
    assert Row("hog", AS_CONFIGURED).settings(config, 0, None) == config


@given(st.sampled_from(rows_for(KINDS, LOSSES, "auto")), st.integers(0, 9), st.integers(1, 9))
def test_every_row_can_be_told_its_seed_and_the_number_of_people(row, seed, people):
    config = with_settings(Config(), {"clustering": {"people": 20}, "seed": 3})
    told, alone = row.settings(config, seed, people), row.settings(config, seed, None)
    assert (told.seed, told.clustering.people) == (alone.seed, people) == (seed, people)
    assert alone.clustering.people is None


def test_what_is_configured_and_no_rows_business_stays():
    config = with_settings(Config(), {"embedding": {"steps": 7}, "shots": {"min_jump": 9.0}})
    for row in rows_for(KINDS, LOSSES, "auto"):
        settings = row.settings(config, 0, None)
        assert (settings.embedding.steps, settings.shots) == (7, config.shots)


def test_only_rows_that_may_learn_are_run_from_several_seeds():
    assert [row.is_learned for row in rows_for(["hog"], ["triplet"], "hog")] == [
        False,
        False,
        True,
        True,
    ]


def test_what_needs_no_weights_is_at_hand():
    assert means_of(Row("hog", RAW), Config()) == ((), "")


@pytest.mark.parametrize("method", [RAW, COMPENSATED, "triplet", AS_CONFIGURED])
def test_where_weights_are_absent_it_is_said_which_and_where_to_get_them(method):
    reason = means_of(Row("alexnet", method), Config())
    assert isinstance(reason, str)
    assert "alexnet-owt-7be5be79.pth is not in" in reason
    assert "https://" in reason


def test_the_main_job_falls_back_as_it_would_on_its_own():
    means = means_of(Row("auto", AS_CONFIGURED), Config())
    assert means.hashes == ()
    assert means.reason.startswith("describing faces by HOG, since ")


def test_what_a_cnn_that_is_fine_tuned_starts_from_counts_too():
    config = with_settings(Config(), {"embedding": {"trunk": "finetune", "backbone": "alexnet"}})
    reason = means_of(Row("hog", "triplet"), config)
    assert isinstance(reason, str)
    assert "alexnet-owt-7be5be79.pth is not in" in reason
