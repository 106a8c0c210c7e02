"""From tracklets to people: what each face looks like here, and who is who."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.association import links_within_shots
from tracker.clustering.conflicts import separate_conflicts
from tracker.clustering.distances import (
    TrackletDistances,
    mixed_distances,
    tracklet_distances,
    with_links,
)
from tracker.clustering.merges import Merges, clusters_after, merges_within
from tracker.clustering.merging import merge_tracklets
from tracker.clustering.people import choose_cut, max_distance, maybe_the_same, name_people
from tracker.clustering.sureness import Sureness, measure_sureness
from tracker.embedding.backbones import Backbone
from tracker.embedding.earlier import Earlier
from tracker.embedding.evidence import MIN_PAIRS
from tracker.embedding.learning import Embedding, TrunkMaterial, learn_embedding
from tracker.embedding.lessons import Task
from tracker.embedding.metric import Metric, choose_raw_share, fit_metric, metric_as_before
from tracker.embedding.training import Checkpoints
from tracker.faces import Described, Material, cut_faces, describe_faces
from tracker.features.choose import FeatureChoice
from tracker.learned import (
    EMBEDDING_FILE,
    load_checkpoint,
    load_embedding,
    save_checkpoint,
    save_embedding,
)
from tracker.progress import Advance
from tracker.records import NO_TRACKLET, Constraints, Crops
from tracker.run import Run
from tracker.settings import settings_as_dict
from tracker.storage import (
    content_hash,
    load_copy,
    save_array,
    stage_key,
)


@dataclass(frozen=True, slots=True, eq=False)
class Identities:
    """Who is who.

    Attributes:
        features: the kinds that were used, the one that `metric` is of first.
        backbone: the CNN that was fine-tuned, if one was.
        crops: the faces that stand for their tracklets.
        metric: what the features say before anything is learned.
        person: (T,) of each tracklet; -1 for those of nobody.
        maybe_same: pairs of people who may be one, and their distance, nearest first.
        sureness: of each person, by number.
        key: changes whenever the people do.
    """

    features: tuple[FeatureChoice, ...]
    backbone: Backbone | None
    crops: Crops
    metric: Metric
    embedding: Embedding
    person: NDArray[np.int32]
    maybe_same: list[tuple[int, int, float]]
    sureness: dict[int, Sureness]
    key: str


def tell_people_apart(
    run: Run, material: Material, features: tuple[FeatureChoice, ...], backbone: Backbone | None
) -> Identities:
    """Describe the faces, learn as much as the video's evidence asks for, and cluster.

    Args:
        features: the first kind is what faces are told apart by; the others help to learn, and
            are only computed where something is learned.
        backbone: a CNN to fine-tune, instead of learning from features.
    """
    trunks = set() if backbone is None else {backbone.aligned}
    cut = cut_faces(run, material, trunks | {choice.aligned for choice in features})
    first = describe_faces(run, cut[features[0].aligned], features[0])
    crops, key = first.crops, first.key
    metric = _metric(run, material, first)
    faces = material.tracklet[crops.rows]
    task = _task(run, material, metric, faces)
    share = _raw_share(run, metric, task)
    if share == 1:
        bound = max_distance(1.0, metric.knows_faces, run.config.clustering)
        metric = _looked_at_again(run, material, first, metric, bound)
        key = stage_key("looks", [bound, run.config.clustering.cannot_link_distance], key)
    used = features if share < 1 and backbone is None else features[:1]
    described = [first, *(describe_faces(run, cut[one.aligned], one) for one in used[1:])]
    metrics = [metric, *(_metric(run, material, one) for one in described[1:])]
    read = [key, *(one.key for one in described[1:]), material.constraints_key]
    trunk = None
    if backbone is not None and share < 1:
        images = cut[backbone.aligned]
        trunk = TrunkMaterial(backbone, images.crops.images)
        read += [images.key, backbone.name, *backbone.hashes]
    earlier = _earlier(run, read) if share < 1 else None
    if earlier is not None and trunk is None:
        metrics = [
            metric_as_before(one.vectors, *earlier.preparation(kind), metrics[kind])
            for kind, one in enumerate(described)
        ]
    embedding, embedding_key = _embedding(run, metrics, share, task, trunk, earlier, tuple(read))
    distances, bound = _distances(run, material, metric, faces, embedding)
    counts = np.bincount(faces, minlength=material.tracklet_count)
    person, people_key = _people(run, material, distances, counts, bound, embedding_key)
    doubt = bound + run.config.clustering.max_doubt
    return Identities(
        used,
        None if trunk is None else trunk.backbone,
        crops,
        metric,
        embedding,
        person,
        maybe_the_same(person, distances, counts, material.constraints, doubt),
        measure_sureness(person, distances, counts),
        people_key,
    )


def _metric(
    run: Run, material: Material, faces: Described, same: NDArray[np.int32] | None = None
) -> Metric:
    """The metric that one kind of features is in this video; quick enough to be made anew.

    Args:
        same: (S,) which faces are surely one person; None: those of a tracklet.
    """
    boxes, rows = material.scan.detections.boxes, faces.crops.rows
    return fit_metric(
        faces.vectors,
        material.tracklet[rows],
        (boxes[:, 3] - boxes[:, 1])[rows],
        material.constraints,
        faces.choice.knows_faces,
        run.config.embedding.compensate,
        np.random.default_rng([run.config.seed, 1]),
        same,
        run.config.embedding.standardise,
    )


def _looked_at_again(
    run: Run, material: Material, described: Described, metric: Metric, bound: float
) -> Metric:
    """`metric` fitted to the people found by it, who show how faces change from shot to shot.

    So again until the people stay, or `max_looks` are over.
    """
    found = faces = material.tracklet[described.crops.rows]
    for _ in range(run.config.embedding.max_looks):
        cluster = _clusters_within(run, material.constraints, metric.vectors, faces, bound)
        before, found = found, cluster[faces]
        if np.array_equal(before, found):
            break
        metric = _metric(run, material, described, found)
    return metric


def _task(run: Run, material: Material, metric: Metric, faces: NDArray[np.int32]) -> Task:
    bound = max_distance(0.0, metric.knows_faces, run.config.clustering)

    def group(vectors: NDArray[np.float32], known: Constraints) -> NDArray[np.int32]:
        return _clusters_within(run, known, vectors, faces, bound)

    return Task(faces, material.constraints, group, run.config.embedding, run.device)


def _raw_share(run: Run, metric: Metric, task: Task) -> float:
    """How much of the distance stays that of `metric`; all where there is nothing to learn from."""
    wanted, negatives = run.config.embedding.raw_share, len(task.constraints.negatives)
    if not task.suits_loss:
        return 1.0
    if wanted is not None:
        return wanted
    if run.config.embedding.trunk == "finetune":  # asked for by name: the paper's own way
        return 0.0 if negatives >= MIN_PAIRS else 1.0
    return choose_raw_share(metric, task.constraints)


def _earlier(run: Run, read: list[str]) -> Earlier | None:
    """What the run that learning starts from has learned; its content is noted in `read`."""
    if run.config.embedding.init is None:
        return None
    path = Path(run.config.embedding.init) / EMBEDDING_FILE
    read.append(content_hash(path))
    return Earlier(run.config.embedding.init, load_embedding(path).weights)


def _embedding(
    run: Run,
    metrics: list[Metric],
    raw_share: float,
    task: Task,
    trunk: TrunkMaterial | None,
    earlier: Earlier | None,
    read: tuple[str, ...],
) -> tuple[Embedding, str]:
    config = run.config.embedding
    settings = [settings_as_dict(config), run.config.seed, run.device.type, raw_share]
    key = stage_key("learning", settings, *read)

    def checkpoints(network: int) -> Checkpoints:
        path = run.folder.temporary_file("learning", f"{key}-{network}", ".checkpoint")
        return Checkpoints(
            lambda: load_checkpoint(path), lambda state: save_checkpoint(path, state)
        )

    def write(path: Path, advance: Advance) -> None:
        learned = learn_embedding(
            metrics,
            raw_share,
            task,
            np.random.default_rng(run.config.seed),
            trunk,
            earlier,
            on_step=lambda: advance(1),
            checkpoints=checkpoints,
        )
        save_embedding(path, learned)

    networks = 1 if trunk else config.heads * len(metrics)
    steps = config.steps * networks if raw_share < 1 else 0
    return run.stage(
        "learning", settings, read, ".safetensors", load_embedding, write, steps, "steps"
    )


def _clusters_within(
    run: Run,
    constraints: Constraints,
    vectors: NDArray[np.float32],
    faces: NDArray[np.int32],
    bound: float,
) -> NDArray[np.int32]:
    """Which tracklets (T,) are one person by `vectors` (S, D) of their faces, within `bound`."""
    count = constraints.tracklet_count
    return _clusters(
        run,
        constraints,
        tracklet_distances(vectors, faces, count),
        np.bincount(faces, minlength=count),
        bound,
        lambda merges: merges_within(merges, bound),
    )


def _clusters(
    run: Run,
    constraints: Constraints,
    distances: TrackletDistances,
    face_counts: NDArray[np.intp],
    bound: float,
    cut: Callable[[Merges], int],
) -> NDArray[np.int32]:
    """Which tracklets (T,) are one person, numbered from 0, after `cut` of all merges."""
    apart = run.config.clustering.cannot_link_distance
    merges = merge_tracklets(distances, face_counts, constraints, apart)
    merged = clusters_after(merges, cut(merges), constraints.tracklet_count)
    return separate_conflicts(merged, distances, face_counts, constraints, bound)


def _distances(
    run: Run,
    material: Material,
    metric: Metric,
    faces: NDArray[np.int32],
    embedding: Embedding,
) -> tuple[TrackletDistances, float]:
    """How far tracklets are apart, and from which distance on they are two people."""
    share = embedding.raw_share
    count = material.tracklet_count
    distances = mixed_distances(embedding.learned, metric.vectors, share, faces, count)
    return distances, max_distance(share, metric.knows_faces, run.config.clustering)


def _people(
    run: Run,
    material: Material,
    distances: TrackletDistances,
    face_counts: NDArray[np.intp],
    bound: float,
    embedding_key: str,
) -> tuple[NDArray[np.int32], str]:
    """The person of every tracklet."""
    count = material.tracklet_count

    def write(path: Path, advance: Advance) -> None:
        save_array(path, _named(run, material, distances, face_counts, bound))
        advance(count)

    linking = run.config.association
    settings = [
        settings_as_dict(run.config.clustering),
        linking.max_link_gap_frames,
        linking.max_link_move,
    ]
    read = (embedding_key,)
    return run.stage("clustering", settings, read, ".npy", load_copy, write, count, "tracklets")


def _named(
    run: Run,
    material: Material,
    distances: TrackletDistances,
    face_counts: NDArray[np.intp],
    bound: float,
) -> NDArray[np.int32]:
    """The person (T,) of every tracklet."""
    tracklet, constraints = material.tracklet, material.constraints
    config, count = run.config.clustering, material.tracklet_count
    links = links_within_shots(
        material.scan.detections,
        tracklet,
        material.scan.shots,
        constraints,
        distances.among,
        bound,
        run.config.association,
    )
    linked = with_links(distances, links)
    followed = tracklet != NO_TRACKLET
    detections = np.bincount(tracklet[followed], minlength=count)
    sure_detections = np.bincount(tracklet[followed & material.is_sure], minlength=count)
    cluster = _clusters(
        run,
        constraints,
        linked,
        face_counts,
        bound,
        lambda merges: choose_cut(merges, detections, sure_detections, bound, config),
    )
    return name_people(cluster, detections, sure_detections, config)
