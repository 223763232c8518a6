"""The feature store: excerpts equal slices of the whole, hits come back exactly, in any process."""

import multiprocessing
import os
import pickle
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drumlane.data.feature_store import MAX_OPEN, FeatureStore, Prepared
from drumlane.data.own_recordings import find_recordings, split_recordings
from drumlane.errors import DatasetError
from drumlane.performance import Hit
from drumlane.vocabulary import Drum
from process_material import N_TAKES, total

pytest.importorskip("h5py", reason="the default storage needs the train extra")

hits = st.lists(
    st.builds(Hit, st.floats(0, 1e6), st.sampled_from(list(Drum)), st.integers(1, 127)), max_size=20
).map(sorted)


@pytest.fixture(params=["hdf5", "npy"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "store", request.param)


def features(n_frames: int, n_bands: int = 5, seed: int = 0) -> Any:
    noise = np.random.default_rng(seed).normal(3.0, 2.0, (n_frames, n_bands))
    return noise.astype(np.float32)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 40), hits, st.integers(0, 60), st.none() | st.integers(0, 60), st.floats(1, 1000))
def test_an_excerpt_is_a_slice_of_the_whole_and_hits_come_back_exactly(
    store: FeatureStore, n_frames: int, played: Sequence[Hit], first: int, n: int | None, fps: float
) -> None:
    whole = features(n_frames)
    store.write("a/b.c", whole, played, "key", fps)
    stored = whole.astype(np.float16).astype(np.float32)
    part = store.read("a/b.c", first, n)
    assert part.dtype == np.float32
    assert np.array_equal(part, stored[first:][:n])
    assert np.array_equal(store.read("a/b.c"), stored)
    assert store.describe("a/b.c") == Prepared("a/b.c", n_frames, fps, tuple(played))
    assert store.key("a/b.c") == "key"


def test_names_with_dots_and_odd_letters_do_not_meet(store: FeatureStore) -> None:
    names = ("take", "take.2", "take_spec", "täkt/ü 1", "prepared", "index")
    for seed, name in enumerate(names):
        store.write(name, features(3, seed=seed), [], name)
    for seed, name in enumerate(names):
        assert store.key(name) == name
        assert np.array_equal(store.read(name), features(3, seed=seed).astype(np.float16).astype(np.float32))


def test_what_is_absent_has_no_key_and_an_error_says_what_to_do(store: FeatureStore) -> None:
    assert store.key("absent") is None
    for look in (store.read, store.describe):
        with pytest.raises(
            DatasetError, match=r"absent: no stored features .* run drumlane preprocess again"
        ):
            look("absent")
    store.write("there", features(3), [], "key")
    with pytest.raises(ValueError, match="first=-1"):
        store.read("there", -1)


def test_what_is_replaced_is_read_anew(store: FeatureStore) -> None:
    store.write("one", features(10), [Hit(0.5, Drum.KICK, 9)], "old")
    assert len(store.read("one")) == 10
    store.write("one", features(20, seed=1), [], "new")
    assert (store.key("one"), len(store.read("one")), store.describe("one").hits) == ("new", 20, ())


def test_no_more_files_stay_open_than_allowed(store: FeatureStore) -> None:
    names = [f"{n}" for n in range(MAX_OPEN + 6)]
    for name in names:
        store.write(name, features(2), [], name)
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir())) if descriptors.is_dir() else 0
    for name in names * 2:
        assert len(store.read(name)) == 2
    if descriptors.is_dir():
        assert len(list(descriptors.iterdir())) <= before + MAX_OPEN + 2


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_it_can_be_read_in_forked_and_spawned_processes(store: FeatureStore, method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    for n in range(N_TAKES):
        store.write(f"{n}", features(50, seed=n), [], f"{n}")
    here = total(store)  # opened here before the others start
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
        there = list(pool.map(total, [store] * 6))
    assert {one[1:] for one in there} == {here[1:]}
    assert here[0] not in {one[0] for one in there}
    assert total(store) == here
    assert total(pickle.loads(pickle.dumps(store))) == here


@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_a_fork_reads_with_files_of_its_own(store: FeatureStore) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    for n in range(N_TAKES):
        store.write(f"{n}", features(50, seed=n), [], f"{n}")
    here = total(store)[1]
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:  # the store as it is, not a copy that was sent
            os._exit(0 if all(total(store)[1] == here for _ in range(20)) else 1)
        children.append(child)
    assert total(store)[1] == here
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]


# Own recordings ------------------------------------------------------------------------------------------


def test_recordings_of_any_kind_and_depth_find_their_midi(tmp_path: Path) -> None:
    names = ("a.wav", "a.mid", "deep/er/b.FLAC", "deep/er/b.MIDI", "c.mp3", "d.mid", "._x.wav", "note.txt")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {take.id: (take.audio, take.midi) for take in find_recordings(tmp_path)}
    assert found == {
        "a": (tmp_path / "a.wav", tmp_path / "a.mid"),
        "c": (tmp_path / "c.mp3", None),
        "d": (None, tmp_path / "d.mid"),
        "deep/er/b": (tmp_path / "deep/er/b.FLAC", tmp_path / "deep/er/b.MIDI"),
    }
    with pytest.raises(DatasetError, match="no such folder"):
        find_recordings(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no recording"):
        find_recordings(tmp_path / "empty")


@given(st.integers(1, 60), st.integers(0, 9))
def test_one_s_own_recordings_always_train_and_validate(n: int, seed: int) -> None:
    takes = find_takes(n)
    split = split_recordings(takes, (0.7, 0.15, 0.15), seed)
    sizes = [len(part) for part in split.parts.values()]
    assert sum(sizes) == n == len({take for part in split.parts.values() for take in part})
    assert sizes[0] >= 1
    assert (sizes[1] >= 1) == (n >= 2)
    assert split.warning is None
    assert split_recordings(takes[::-1], (0.7, 0.15, 0.15), seed) == split


def find_takes(n: int) -> Any:
    from drumlane.data.own_recordings import _take

    return [_take(f"{i}", Path(f"/x/{i}.wav"), Path(f"/x/{i}.mid"), Path("/x")) for i in range(n)]
