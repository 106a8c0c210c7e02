import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.config import Config
from tracker.report.what_ran import Setting, Stage, tell_what_ran
from tracker.settings import settings_as_dict, with_settings

RUN = {
    "device": "cuda:0",
    "detector": {"name": "yunet", "sha256": ["0123456789abcdef"]},
    "features": [{"kind": "face", "sha256": ["a" * 64, "b" * 64]}, {"kind": "hog", "sha256": []}],
    "trunk": None,
    "versions": {"python": "3.11.7", "numpy": "2.4.6"},
    "counts": {"tracklets": 1234, "raw_auc": 0.865},
    "stages": {
        "detection": {"seconds": 2.925, "reused": False, "frames_per_s": 1710.4},
        "linking": {"reused": True},
    },
    "notes": ["first", "second"],
}


def test_facts_are_told_with_the_first_digits_of_weights():
    assert tell_what_ran(RUN, "").facts == [
        ("Device", "cuda:0"),
        ("Faces found by", "yunet (weights 0123456789ab)"),
        ("Told apart by", "face (weights aaaaaaaaaaaa, bbbbbbbbbbbb); hog"),
        ("Tracklets", "1,234"),
        ("AUC of the features before learning", "0.865"),
        ("Versions", "python 3.11.7, numpy 2.4.6"),
    ]


def test_a_fine_tuned_network_is_told():
    facts = dict(tell_what_ran({"trunk": {"name": "alexnet", "sha256": ["c" * 64]}}, "").facts)
    assert facts == {"Network fine-tuned": "alexnet (weights cccccccccccc)"}


def test_stages_have_seconds_and_rates_where_they_are_known():
    assert tell_what_ran(RUN, "").stages == [
        Stage("detection", "2.9", "1,710 frames/s", is_reused=False),
        Stage("linking", "", "", is_reused=True),
    ]


def test_what_was_said_before_is_not_said_again():
    assert tell_what_ran(RUN, "second").notes == ["first"]


def test_only_settings_that_are_not_the_default_are_told():
    changed = with_settings(Config(), {"embedding": {"steps": 7}, "seed": 3})
    config = json.loads(json.dumps(settings_as_dict(changed)))
    default = str(Config().embedding.steps)
    assert tell_what_ran({"config": config}, "").settings == [
        Setting("embedding.steps", "7", default),
        Setting("seed", "3", "0"),
    ]


def test_the_default_settings_are_not_told():
    config = json.loads(json.dumps(settings_as_dict(Config())))
    assert tell_what_ran({"config": config}, "").settings == []


def test_a_setting_that_there_is_no_more_is_not_told():
    assert tell_what_ran({"config": {"clustering": {"of old": 1}}}, "").settings == []


@pytest.mark.parametrize("missing", RUN)
def test_any_entry_may_be_missing(missing):
    ran = tell_what_ran({name: entry for name, entry in RUN.items() if name != missing}, "")
    assert ran.facts


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*RUN, "config"]), json_values))
def test_entries_of_any_kind_are_no_reason_to_stop(run_json):
    tell_what_ran(run_json, "")


def test_where_nothing_is_known_nothing_is_told():
    ran = tell_what_ran({}, "")
    assert (ran.facts, ran.stages, ran.settings, ran.notes) == ([], [], [], [])
