"""The batch engine: same bits as the calling thread, deadlines, rejections, cancelling, faults, closing."""

from __future__ import annotations

import asyncio
import functools
import gc
import threading
import time
import weakref
from concurrent.futures import CancelledError, as_completed, wait

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

import pretzel
from pretzel import examples
from pretzel.errors import DeadlineExceeded, InputShapeError, InputTypeError, InputValueError, Overloaded, WorkerLost
from tests.interrupts import interrupted_at

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(3000, 8))
TARGET = NUMBERS @ RNG.normal(size=8)
TEXTS = examples.texts(500, length=20)


@functools.cache
def forest():
    """Trees enough to release the GIL for."""
    return RandomForestRegressor(30, max_depth=8, random_state=0).fit(NUMBERS[:500], TARGET[:500])


@functools.cache
def sentiment():
    """A model of texts over two vectorizers."""
    chars = TfidfVectorizer(analyzer="char", ngram_range=(2, 3))
    features = make_union(chars, TfidfVectorizer(ngram_range=(1, 2)))
    return make_pipeline(features, LogisticRegression()).fit(TEXTS, np.arange(500) % 2)


@functools.cache
def vectorizer():
    """Answers with sparse rows."""
    return TfidfVectorizer(ngram_range=(1, 2)).fit(TEXTS)


@functools.cache
def neighbour_model():
    """A model without a native form."""
    return KNeighborsRegressor(p=3).fit(NUMBERS[:100], TARGET[:100])


@functools.cache
def ridge():
    """A model that answers faster than a thread is woken."""
    return make_pipeline(StandardScaler(), Ridge()).fit(NUMBERS, TARGET)


@functools.cache
def text_models():
    """Three models over one pair of vectorizers."""
    features = sentiment()[0]
    target = (np.arange(500) // 3) % 2
    return [make_pipeline(features, LogisticRegression(C=c)).fit(TEXTS, target) for c in (0.1, 1.0, 10.0)]


@functools.cache
def number_models():
    """Three forests over one embedding."""
    parts = make_union(PCA(5, random_state=0), KMeans(6, n_init=1, random_state=0))
    features = make_pipeline(StandardScaler(), parts).fit(NUMBERS)
    forests = [RandomForestRegressor(5, max_depth=4, random_state=seed) for seed in range(3)]
    return [make_pipeline(features, each).fit(NUMBERS[:300], TARGET[:300]) for each in forests]


@pytest.fixture
def runtime():
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=2) as made:
        yield made


def eventually(condition):
    """Wait until a condition holds; half a minute is for machines that hang."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("the condition never held")


def submit_until(error, submit):
    """Answers of all requests before the first that is rejected like that."""
    answers = []
    while True:
        try:
            answers.append(submit())
        except error:
            return answers


@pytest.mark.parametrize("rows", [1, 2, 15, 16, 17, 100, 511, 512, 513, 3000])
@pytest.mark.parametrize("executors", [1, 2, 5])
def test_tables_get_the_bits_of_the_calling_thread(rows, executors):
    with pretzel.Runtime(executors=executors) as runtime:
        for estimator, X in ((forest(), NUMBERS[:rows]), (ridge(), NUMBERS[:rows])):
            model = runtime.register("m", estimator, engine="batch", allow_changes=True)
            expected = pretzel.compile(estimator).predict(X)
            assert np.array_equal(model.submit(X).result(10), expected)
            assert np.array_equal(model.predict(X), expected)


def test_texts_and_sparse_results(runtime):
    plan = pretzel.compile(sentiment())
    model = runtime.register("sentiment", sentiment())
    for method in ("predict", "predict_proba", "decision_function"):
        assert np.array_equal(model.submit(TEXTS, method=method).result(10), getattr(plan, method)(TEXTS))
    vectors = runtime.register("vectors", vectorizer(), engine="batch")
    expected = pretzel.compile(vectorizer()).transform(TEXTS)
    for answer in (vectors.submit(TEXTS, method="transform").result(10), vectors.transform(TEXTS)):
        assert (answer != expected).nnz == 0
        assert np.array_equal(answer.indices, expected.indices)
        assert answer.dtype == expected.dtype


def test_sparse_tables(runtime):
    X = csr_matrix(np.where(RNG.random((700, 8)) < 0.3, NUMBERS[:700], 0.0))
    scaled = make_pipeline(MaxAbsScaler(), Ridge()).fit(X, TARGET[:700])
    model = runtime.register("sparse", scaled)
    assert np.array_equal(model.submit(X).result(10), pretzel.compile(scaled).predict(X))


def test_a_table_may_change_or_go_once_it_has_been_submitted(runtime):
    model = runtime.register("sentiment", sentiment())
    expected = model.predict(TEXTS)
    runtime.engine.scheduler.pause()
    texts = ["".join(text) for text in TEXTS]  # no other references
    answer = model.submit(texts)
    texts.clear()
    gc.collect()
    runtime.engine.scheduler.pause(False)
    assert np.array_equal(answer.result(10), expected)


def test_opaque_models_run_in_python(runtime):
    model = runtime.register("neighbours", neighbour_model())
    answers = [model.submit(NUMBERS[i : i + 3]) for i in range(20)]
    for i, answer in enumerate(answers):
        assert np.array_equal(answer.result(10), neighbour_model().predict(NUMBERS[i : i + 3]))
    for width in (3, 9):
        with pytest.raises(InputShapeError, match=f"{width} features"):
            model.submit(np.zeros((1, width))).result(10)
    with pytest.raises(DeadlineExceeded, match="neighbours"):
        model.submit(NUMBERS, deadline=-1.0).result(10)


def test_tables_without_rows(runtime):
    model = runtime.register("vectors", vectorizer())
    with pytest.raises(InputShapeError):
        model.submit([], method="transform").result(1)
    counts = runtime.register("forest", forest())
    with pytest.raises(InputShapeError):
        counts.submit(np.zeros((0, 8)))


def test_answers_are_futures_and_awaitable(runtime):
    model = runtime.register("forest", forest())
    expected = model.predict(NUMBERS[:64])
    answers = [model.submit(NUMBERS[:64]) for _ in range(50)]
    seen = []
    answers[0].add_done_callback(seen.append)
    assert not wait(answers, timeout=10).not_done
    assert all(np.array_equal(answer.result(), expected) for answer in as_completed(answers, timeout=10))
    assert seen == [answers[0]]

    async def both():
        return await asyncio.gather(model.submit(NUMBERS[:64]), model.submit(NUMBERS[:64]))

    assert all(np.array_equal(found, expected) for found in asyncio.run(both()))


def test_a_rejected_row_fails_its_own_request_only(runtime):
    strict = make_pipeline(StandardScaler(), Ridge()).fit(NUMBERS, TARGET)
    model = runtime.register("strict", strict)
    bad = NUMBERS[:2000].copy()
    bad[1234, 5] = np.nan
    bad[777, 3] = np.nan
    answers = [model.submit(bad if i % 3 == 0 else NUMBERS[:2000]) for i in range(30)]
    expected = pretzel.compile(strict).predict(NUMBERS[:2000])
    for i, answer in enumerate(answers):
        if i % 3:
            assert np.array_equal(answer.result(10), expected)
        else:
            with pytest.raises(InputValueError, match=r"strict: .*row 777, column 3 holds NaN"):
                answer.result(10)
    load = runtime.engine.load()
    assert (load["failed"], load["done"]) == (10, 20)


def test_tables_that_do_not_fit_are_rejected_before_they_are_queued(runtime):
    model = runtime.register("forest", forest())
    with pytest.raises(InputShapeError):
        model.submit(NUMBERS[:, :3])
    texts = runtime.register("sentiment", sentiment())
    with pytest.raises(InputTypeError, match="sentiment"):
        texts.submit(["fine", 3])
    with pytest.raises(AttributeError, match="no method 'predict_proba'"):
        model.submit(NUMBERS, method="predict_proba")
    assert runtime.engine.load()["accepted"] == 0


def test_deadlines_that_cannot_be_met_are_rejected_with_the_estimate(runtime):
    model = runtime.register("forest", forest())
    with pytest.raises(DeadlineExceeded, match=r"forest: the answer is expected in .* ms, the deadline is in 0.00 ms"):
        model.submit(NUMBERS, deadline=1e-6)
    assert len(model.submit(NUMBERS, deadline=60.0).result(10)) == 3000
    assert runtime.engine.load()["rejected_deadline"] == 1


def test_accepted_deadlines_are_kept_when_more_urgent_work_arrives():
    """A request that would meet its own deadline is rejected if it would make an accepted one late."""
    with pretzel.Runtime(executors=1) as runtime:
        model = runtime.register("forest", forest())
        scheduler = runtime.engine.scheduler
        takes = scheduler.task(model.plan.methods["predict"], NUMBERS).estimate
        scheduler.pause()
        promised = model.submit(NUMBERS, deadline=5 * takes + 1.0)
        urgent = submit_until(DeadlineExceeded, lambda: model.submit(NUMBERS, deadline=4 * takes + 1.0))
        assert 0 < len(urgent) < 10 + 1.0 / takes
        # Work without a deadline is queued after the accepted deadlines, not rejected.
        other = model.submit(NUMBERS[:1])
        scheduler.pause(False)
        assert not wait([promised, other, *urgent], timeout=60).not_done
        assert runtime.engine.load()["rejected_deadline"] == 1


def test_short_requests_overtake_long_ones():
    with pretzel.Runtime(executors=1) as runtime:
        model = runtime.register("forest", forest())
        order = []
        long = model.submit(np.zeros((200_000, 8)))
        runtime.engine.scheduler.pause()
        short = model.submit(NUMBERS[:10])
        for answer in (long, short):
            answer.add_done_callback(order.append)
        runtime.engine.scheduler.pause(False)
        assert not wait([long, short], timeout=60).not_done
        assert order == [short, long]


def test_the_most_urgent_request_goes_first():
    with pretzel.Runtime(executors=1) as runtime:
        model = runtime.register("forest", forest())
        runtime.engine.scheduler.pause()
        order = []
        answers = []
        for deadline in (50.0, 20.0, 40.0, 10.0, 30.0):
            answer = model.submit(NUMBERS[:5], deadline=deadline)
            answer.add_done_callback(lambda _, deadline=deadline: order.append(deadline))
            answers.append(answer)
        runtime.engine.scheduler.pause(False)
        wait(answers, timeout=20)
        assert order == sorted(order)


def test_queues_are_bounded():
    with pretzel.Runtime(executors=1, queue=5) as runtime:
        model = runtime.register("forest", forest())
        runtime.engine.scheduler.pause()
        accepted = submit_until(Overloaded, lambda: model.submit(NUMBERS[:10]))
        assert len(accepted) == 5
        with pytest.raises(Overloaded, match="forest: 5 requests are waiting"):
            model.submit(NUMBERS[:10])
        assert accepted[-1].cancel()  # frees its place
        accepted[-1] = model.submit(NUMBERS[:10])
        # A call that would have to wait runs in the calling thread.
        queued = runtime.register("queued", forest(), engine="batch")
        assert len(queued.predict(NUMBERS[:10])) == 10
        runtime.engine.scheduler.pause(False)
        assert not wait(accepted, timeout=20).not_done


def test_cancelling(runtime):
    model = runtime.register("forest", forest())
    started = model.submit(np.zeros((500_000, 8)))
    eventually(lambda: runtime.engine.load()["started"])
    runtime.engine.scheduler.pause()
    waiting = [model.submit(NUMBERS[:10]) for _ in range(10)]
    assert all(answer.cancel() for answer in waiting)
    assert all(answer.cancelled() for answer in waiting)
    with pytest.raises(CancelledError):
        waiting[0].result(1)
    assert started.cancel()  # the morsels that run are the last
    eventually(lambda: runtime.engine.load()["started"] == 0)
    runtime.engine.scheduler.pause(False)
    done = model.submit(NUMBERS[:10])
    done.result(10)
    assert not done.cancel()
    assert runtime.engine.load()["cancelled"] == 11


@pytest.mark.parametrize("drain", [False, True])
def test_closing(drain):
    runtime = pretzel.Runtime(executors=2)
    model = runtime.register("forest", forest())
    opaque = runtime.register("neighbours", neighbour_model())
    answers = [model.submit(NUMBERS) for _ in range(100)] + [opaque.submit(NUMBERS[:50]) for _ in range(20)]
    runtime.close(drain=drain)
    runtime.close()
    assert all(answer.done() for answer in answers)
    if drain:
        assert all(len(answer.result()) for answer in answers)
    else:
        assert any(answer.cancelled() for answer in answers)
    with pytest.raises(pretzel.errors.ModelNotFoundError):
        model.submit(NUMBERS)
    with pytest.raises(RuntimeError, match="closed"):
        runtime.engine.submit(pretzel.compile(forest()).methods["predict"], NUMBERS)


def test_a_worker_that_dies_is_replaced(runtime):
    model = runtime.register("forest", forest())
    expected = model.predict(NUMBERS)
    for _ in range(5):
        runtime.engine.scheduler.inject_fault()
        answers = [model.submit(NUMBERS) for _ in range(4)]
        lost = [answer.exception(10) for answer in answers]
        assert sum(isinstance(error, WorkerLost) for error in lost) == 1
        assert all(np.array_equal(a.result(), expected) for a, e in zip(answers, lost, strict=True) if e is None)
    assert runtime.engine.load()["lost"] == 5
    runtime.engine.scheduler.inject_fault()
    batch = runtime.register("batch", forest(), engine="batch")
    with pytest.raises(WorkerLost, match="batch"):
        batch.predict(NUMBERS)


@pytest.mark.parametrize("event", ["call", "line", "return", "opcode"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # from finalizers
def test_interrupts_while_a_request_is_submitted_or_awaited_stop_no_other(runtime, event):
    """Interrupts the caller at each Python instruction in turn, as Ctrl-C may."""
    model = runtime.register("forest", forest())
    expected = forest().predict(NUMBERS)

    number = 1
    while interrupted_at(number, lambda: model.submit(NUMBERS).result(20), event):
        assert np.array_equal(model.submit(NUMBERS).result(20), expected)
        number += 1
    assert number > 5


def test_a_reservation_has_workers_of_its_own():
    with pretzel.Runtime(executors=1) as runtime:
        reserved = runtime.register("own", forest(), reserve=pretzel.Reservation(workers=1, memory="1MB"))
        runtime.engine.scheduler.pause()
        other = runtime.register("other", forest()).submit(NUMBERS)
        assert len(reserved.submit(NUMBERS).result(10)) == 3000
        assert not other.done()
        runtime.engine.scheduler.pause(False)
        assert len(other.result(10)) == 3000
        assert reserved.plan.engine is not runtime.engine
        assert runtime.stats()["unique_bytes"] == reserved.plan.nbytes  # parameters stay shared
        engine = weakref.ref(reserved.plan.engine)
        del reserved
        runtime.unregister("own")
        gc.collect()
        assert engine() is None


@pytest.mark.parametrize("arguments", [{"workers": 0}, {"memory": "many"}, {"memory": -1}])
def test_reservations_are_checked(arguments):
    with pytest.raises(ValueError, match=r"worker|bytes"):
        pretzel.Reservation(**arguments)


def test_an_unused_engine_ends_its_threads():
    before = threading.active_count()
    runtime = pretzel.Runtime(executors=3)
    model = runtime.register("forest", forest())
    model.submit(NUMBERS).result(10)
    assert threading.active_count() == before + 1  # the workers are not threads of Python
    engine = weakref.ref(runtime.engine)
    del runtime, model
    gc.collect()
    assert engine() is None
    eventually(lambda: threading.active_count() == before)


def test_answers_outlive_runtime_and_model():
    runtime = pretzel.Runtime(executors=1)
    answer = runtime.register("forest", forest()).submit(np.zeros((50_000, 8)))
    del runtime
    gc.collect()
    assert len(answer.result(20)) == 50_000


def test_a_replaced_version_answers_requests_submitted_before(runtime):
    model = runtime.register("model", forest())
    expected = model.predict(NUMBERS)
    runtime.engine.scheduler.pause()
    answer = model.submit(NUMBERS)
    runtime.replace("model", ridge(), allow_changes=True)
    gc.collect()
    runtime.engine.scheduler.pause(False)
    assert np.array_equal(answer.result(10), expected)
    assert np.array_equal(model.submit(NUMBERS).result(10), pretzel.compile(ridge()).predict(NUMBERS))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["forest", "ridge", "sentiment"]), st.integers(1, 700)), max_size=30))
def test_any_mix_of_requests(requests):
    with pretzel.Runtime(executors=3) as runtime:
        models = {
            "forest": runtime.register("forest", forest()),
            "ridge": runtime.register("ridge", ridge()),
            "sentiment": runtime.register("sentiment", sentiment()),
        }
        tables = [TEXTS[:n] if name == "sentiment" else NUMBERS[:n] for name, n in requests]
        answers = [models[name].submit(X) for (name, _), X in zip(requests, tables, strict=True)]
        for (name, _), X, answer in zip(requests, tables, answers, strict=True):
            assert np.array_equal(answer.result(20), models[name].plan.predict(X))


def test_imputed_rows_of_dicts(runtime):
    model = runtime.register("imputed", make_pipeline(SimpleImputer(), Ridge()).fit(NUMBERS, TARGET))
    rows = [tuple(None if i == j else float(x) for j, x in enumerate(row)) for i, row in enumerate(NUMBERS[:8])]
    assert np.array_equal(model.submit(rows).result(10), model.predict(rows))


@pytest.mark.parametrize(("family", "X"), [(text_models, TEXTS), (number_models, NUMBERS)], ids=["texts", "numbers"])
def test_short_requests_with_the_same_prefix_run_as_a_batch(family, X):
    estimators = family()
    with pretzel.Runtime(executors=1) as runtime:
        models = [runtime.register(f"m{i}", estimator) for i, estimator in enumerate(estimators)]
        expected = [pretzel.compile(estimator).predict(X) for estimator in estimators]
        sizes = [1, 2, 1, 5, 1, 1, 3, 1, 40, 1, 1, 1]
        runtime.engine.scheduler.pause()
        answers = [
            (m, at, size, model.submit(X[at : at + size]))
            for at, size in enumerate(sizes)
            for m, model in enumerate(models)
        ]
        runtime.engine.scheduler.pause(False)
        for m, at, size, answer in answers:
            assert np.array_equal(answer.result(20), expected[m][at : at + size])
        assert runtime.engine.load()["prefix_batched"] > 10


def test_a_rejected_row_leaves_the_rest_of_its_prefix_batch_alone():
    with pretzel.Runtime(executors=1) as runtime:
        models = [runtime.register(f"m{i}", forest) for i, forest in enumerate(number_models())]
        bad = NUMBERS[:1].copy()
        bad[0, 2] = np.inf
        runtime.engine.scheduler.pause()
        answers = [models[i % 3].submit(bad if i == 4 else NUMBERS[i : i + 1]) for i in range(12)]
        runtime.engine.scheduler.pause(False)
        for i, answer in enumerate(answers):
            if i == 4:
                with pytest.raises(InputValueError, match=r"m1: .*row 0, column 2 holds infinity"):
                    answer.result(10)
            else:
                assert answer.result(10) == models[i % 3].predict_one(NUMBERS[i])


def test_reserved_memory_is_allocated_in_advance_kept_and_freed():
    with pretzel.Runtime(executors=1) as runtime:
        before = runtime.stats()["arena_bytes"]
        model = runtime.register("own", forest(), reserve=pretzel.Reservation(workers=2, memory="32MB"))
        for _ in range(50):
            model.submit(NUMBERS).result(10)
        assert 32_000_000 <= runtime.stats()["arena_bytes"] < before + 40_000_000
        del model
        runtime.unregister("own")
        gc.collect()
        assert runtime.stats()["arena_bytes"] <= before + 2**20


@pytest.mark.parametrize(("family", "X"), [(text_models, TEXTS), (number_models, NUMBERS)], ids=["texts", "numbers"])
def test_prefix_batches_are_not_disturbed_by_urgent_requests(family, X):
    """The results of a shared prefix last until all its requests are done, whatever arrives meanwhile."""
    estimators = family()
    with pretzel.Runtime(executors=1) as runtime:
        models = [runtime.register(f"m{i}", estimator) for i, estimator in enumerate(estimators)]
        other = runtime.register("other", ridge())
        method = "predict_proba" if X is TEXTS else "predict"
        expected = [getattr(pretzel.compile(estimator), method)(X) for estimator in estimators]
        stop = threading.Event()

        def hurry():
            while not stop.is_set():
                other.submit(NUMBERS[:1], deadline=5.0).result(10)

        thread = threading.Thread(target=hurry)
        thread.start()
        try:
            for start in range(0, 400, 40):
                runtime.engine.scheduler.pause()
                answers = [
                    (m, at, model.submit(X[at : at + 1], method=method))
                    for at in range(start, start + 40)
                    for m, model in enumerate(models)
                ]
                runtime.engine.scheduler.pause(False)
                for m, at, answer in answers:
                    assert np.array_equal(answer.result(20), expected[m][at : at + 1])
        finally:
            stop.set()
            thread.join()
        assert runtime.engine.load()["prefix_batched"] > 0
