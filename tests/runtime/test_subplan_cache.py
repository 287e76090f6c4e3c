"""The sub-plan cache: results of single rows have the same bits whichever model computed them, in bounded memory."""

from __future__ import annotations

import functools
import os
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor, VotingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel
from pretzel.errors import InputValueError
from pretzel.runtime.subplan_cache import cacheable_ranges

RNG = np.random.default_rng(0)
LETTERS = np.array(list("abcdefghij klmnopqrst uvwxyz äöü €"))
TEXTS = ["".join(RNG.choice(LETTERS, RNG.integers(0, 400))) for _ in range(100)]
NUMBERS = RNG.normal(size=(400, 12))
TARGET = NUMBERS @ RNG.normal(size=12)


@functools.cache
def vectorizers():
    """Two vectorizers side by side."""
    words = TfidfVectorizer(ngram_range=(1, 2))
    return make_union(TfidfVectorizer(analyzer="char", ngram_range=(2, 3)), words).fit(TEXTS)


@functools.cache
def embedding():
    """Numbers scaled and embedded in three ways."""
    parts = make_union(
        PCA(10, random_state=0),
        KMeans(30, n_init=1, random_state=0),
        VotingRegressor([("forest", RandomForestRegressor(60, max_depth=6, random_state=0))]),
    )
    return make_pipeline(StandardScaler(), parts).fit(NUMBERS, TARGET)


def text_models(count):
    """Heads of their own over the same vectorizers."""
    rows = vectorizers().transform(TEXTS)
    for seed in range(count):
        labels = np.random.default_rng(seed).permutation(len(TEXTS)) % 2
        yield Pipeline([("features", vectorizers()), ("model", LogisticRegression(max_iter=20).fit(rows, labels))])


def number_models(count):
    """Forests of their own over the same components and clusters."""
    rows = embedding().transform(NUMBERS)
    for seed in range(count):
        forest = RandomForestRegressor(5, max_depth=4, random_state=seed).fit(rows, TARGET)
        yield Pipeline([("features", embedding()), ("model", forest)])


def counts(runtime, name="materialized"):
    return runtime.stats()["caches"][name]


@pytest.mark.parametrize(
    "options", [{"materialize": "8MB"}, {"results": "8MB"}, {"materialize": 2**23, "results": 2**23}]
)
def test_answers_have_the_bits_of_plans_without_a_cache(options):
    with pretzel.Runtime(**options) as runtime:
        for number, model in enumerate(text_models(4)):
            handle, plan = runtime.register(f"text{number}", model), pretzel.compile(model)
            for _ in range(2):
                for text in TEXTS:
                    assert handle.predict_one(text) == plan.predict_one(text)
                    assert np.array_equal(handle.predict_proba_one(text), plan.predict_proba_one(text))
                assert np.array_equal(handle.decision_function([text]), plan.decision_function([text]))
        for number, model in enumerate(number_models(3)):
            handle, plan = runtime.register(f"numbers{number}", model), pretzel.compile(model)
            for row in NUMBERS:
                assert handle.predict_one(row) == plan.predict_one(row)
        assert all(cache["hits"] > 100 for cache in runtime.stats()["caches"].values() if cache["budget"])


def test_what_models_have_in_common_is_computed_once():
    with pretzel.Runtime(materialize="8MB") as runtime:
        handles = [runtime.register(f"m{number}", model) for number, model in enumerate(text_models(5))]
        text = max(TEXTS, key=len)
        for handle in handles:
            handle.predict_one(text)
        found = counts(runtime)
        # characters and words: the first model computes both, the others find them
        assert (found["misses"], found["hits"], found["entries"]) == (2, 8, 2)


def test_a_model_by_itself_looks_nothing_up():
    with pretzel.Runtime(materialize="8MB") as runtime:
        (model,) = text_models(1)
        handle = runtime.register("alone", model)
        handle.predict_one(TEXTS[0])
        assert counts(runtime)["misses"] == 0
        runtime.register("twin", model)
        handle.predict_one(max(TEXTS, key=len))
        assert counts(runtime)["misses"] == 1  # all but the last step are what both have in common
        runtime.unregister("twin")
        handle.predict_one(max(TEXTS, key=len))
        assert counts(runtime)["hits"] == 0


def test_parts_that_are_written_side_by_side_are_one_value():
    with pretzel.Runtime(materialize="8MB") as runtime:
        handles = [runtime.register(f"m{number}", model) for number, model in enumerate(number_models(3))]
        plans = [pretzel.compile(model) for model in number_models(3)]
        for row in NUMBERS[:50]:
            for handle, plan in zip(handles, plans, strict=True):
                assert handle.predict_one(row) == plan.predict_one(row)
        found = counts(runtime)
        assert (found["misses"], found["hits"]) == (50, 100)


def test_short_work_is_not_worth_a_look():
    with pretzel.Runtime(materialize="8MB", results="8MB") as runtime:
        model = make_pipeline(StandardScaler(), Ridge()).fit(NUMBERS, TARGET)
        for name in ("a", "b"):
            runtime.register(name, model).predict_one(NUMBERS[0])
        assert [cache["misses"] for cache in runtime.stats()["caches"].values()] == [0, 0]


def test_text_that_differs_in_storage_only_may_be_asked_either_way():
    """The same letters as Latin-1 and, next to a letter that needs it, as UCS-2."""
    with pretzel.Runtime(results="8MB") as runtime:
        (model,) = text_models(1)
        handle, plan = runtime.register("m", model), pretzel.compile(model)
        for text in ("äöü abc " * 30, ("äöü abc " * 30 + "€")[:-1], "aou abc " * 30, "äöü abc " * 30 + "€"):
            for _ in range(2):
                assert np.array_equal(handle.predict_proba_one(text), plan.predict_proba_one(text))


def test_rejected_rows_are_rejected_again():
    with pretzel.Runtime(materialize="8MB", results="8MB") as runtime:
        handles = [runtime.register(f"m{number}", model) for number, model in enumerate(number_models(2))]
        bad = NUMBERS[0].copy()
        bad[3] = np.nan
        for _ in range(3):
            for handle in handles:
                with pytest.raises(InputValueError, match="column 3"):
                    handle.predict_one(bad)
                assert handle.predict_one(NUMBERS[0]) == handle.plan.predict(NUMBERS[:1])[0]


def test_memory_stays_within_the_budget():
    budget = 200_000
    with pretzel.Runtime(results=budget) as runtime:
        (model,) = text_models(1)
        handle, plan = runtime.register("m", model), pretzel.compile(model)
        for turn in range(1000):
            text = TEXTS[turn % 100] + str(turn)
            assert np.array_equal(handle.predict_proba_one(text), plan.predict_proba_one(text))
            assert counts(runtime, "results")["bytes"] <= budget
        assert counts(runtime, "results")["evictions"] > 0


def test_threads_share_a_cache():
    with pretzel.Runtime(materialize="1MB", results="1MB") as runtime:
        models = list(text_models(3))
        handles = [runtime.register(f"m{number}", model) for number, model in enumerate(models)]
        expected = [[pretzel.compile(model).predict_proba_one(text).tolist() for text in TEXTS] for model in models]
        failures = []

        def work(seed):
            order = np.random.default_rng(seed).integers(0, [len(models), len(TEXTS)], (500, 2))
            failures.extend(
                (m, t) for m, t in order if handles[m].predict_proba_one(TEXTS[t]).tolist() != expected[m][t]
            )

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures


def test_a_cache_that_does_not_pay_is_hardly_asked():
    with pretzel.Runtime(results="64MB") as runtime:
        (model,) = text_models(1)
        handle = runtime.register("m", model)
        for turn in range(4000):
            handle.predict_one(TEXTS[turn % 100] + str(turn))
        found = counts(runtime, "results")
        assert found["misses"] < 256 + 4000 / 16 * 2


def test_computations_go_with_their_models():
    with pretzel.Runtime(materialize="8MB") as runtime:
        text = max(TEXTS, key=len)
        for _ in range(2):
            for number, model in enumerate(text_models(2)):
                runtime.register(f"m{number}", model)
            for number in range(2):
                runtime[f"m{number}"].predict_one(text)
            for number in range(2):
                runtime.unregister(f"m{number}")
        # What comes later is another computation to the cache, whose old results nobody asks for any more.
        assert (counts(runtime)["misses"], counts(runtime)["hits"]) == (4, 4)
        runtime.register("again", model).predict_one(text)
        assert counts(runtime)["misses"] == 4


def test_a_cache_may_be_cleared():
    with pretzel.Runtime(results="8MB") as runtime:
        (model,) = text_models(1)
        handle = runtime.register("m", model)
        text = max(TEXTS, key=len)
        answer = handle.predict_proba_one(text)
        runtime._caches["results"].clear()
        assert (counts(runtime, "results")["bytes"], counts(runtime, "results")["entries"]) == (0, 0)
        assert np.array_equal(handle.predict_proba_one(text), answer)


def within(slot, each, buffers):
    """A part of the result of a range."""
    whole, slot = buffers.slots[each.output], buffers.slots[slot]
    return slot is whole or (
        slot.buffer == whole.buffer and whole.offset <= slot.offset <= whole.offset + whole.width - slot.width
    )


def test_ranges_end_where_somebody_else_reads():
    """A value that a later step reads, too, has to be there: no range hides it."""
    table = make_column_transformer((StandardScaler(), [0, 1]), (OneHotEncoder(handle_unknown="ignore"), [2]))
    cases = [
        make_pipeline(embedding(), Ridge()).fit(NUMBERS, TARGET),
        make_pipeline(vectorizers(), LogisticRegression()).fit(TEXTS, np.arange(100) % 2),
        make_pipeline(table, Ridge()).fit(np.round(NUMBERS[:, :3]), TARGET),
    ]
    for estimator in cases:
        for method in pretzel.compile(estimator).methods.values():
            program, buffers = method.program.plan, method.program.buffers
            result = buffers.slot_of[program.output]
            for each in cacheable_ranges(program, buffers):
                assert set(each.inputs) <= set(range(len(program.leaves)))
                # Whatever they write outside of their result may be anything when another step reads.
                written = {buffers.steps[step].output for step in range(each.begin, each.end)} - {-1}
                later = {slot for step in buffers.steps[each.end :] for slot in step.inputs} | {result}
                assert all(slot == each.output or within(slot, each, buffers) for slot in written & later)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.text(max_size=300)), max_size=40))
def test_any_texts(requests):
    with pretzel.Runtime(materialize="100KB", results="50KB") as runtime:
        handles = [runtime.register(f"m{number}", model, **{}) for number, model in enumerate(three_models()[0])]
        for model, text in requests:
            assert np.array_equal(
                handles[model].predict_proba_one(text), three_models()[1][model].predict_proba_one(text)
            )


@functools.cache
def three_models():
    """Text models and their plans."""
    models = list(text_models(3))
    return models, [pretzel.compile(model) for model in models]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_children_of_a_fork_go_on():
    """Forked while other threads are busy with the cache."""
    with pretzel.Runtime(materialize="1MB", results="1MB") as runtime:
        handles = [runtime.register(f"m{number}", model) for number, model in enumerate(three_models()[0])]
        stop = threading.Event()

        def work(seed):
            turns = np.random.default_rng(seed)
            while not stop.is_set():
                handles[turns.integers(3)].predict_one(TEXTS[turns.integers(100)] + str(turns.integers(100)))

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(20):
                pid = os.fork()
                if pid == 0:
                    for number in range(300):
                        text = TEXTS[number % 100]
                        if not np.array_equal(
                            handles[0].predict_proba_one(text), three_models()[1][0].predict_proba_one(text)
                        ):
                            os._exit(1)
                    os._exit(0 if runtime.stats()["caches"]["results"]["misses"] else 2)
                assert os.waitpid(pid, 0)[1] == 0
        finally:
            stop.set()
            for thread in threads:
                thread.join()
