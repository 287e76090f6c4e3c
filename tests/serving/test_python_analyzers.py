"""Vectorizers whose analyzer runs in Python take documents in every form of a request, as native ones do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import pretzel
import pretzel.serving
from pretzel.errors import InputError
from pretzel.input_spec import InputKind
from pretzel.integrations.scorer import BatchScorer
from tests.serving.conftest import Client
from tests.serving.test_arrow import ask, read

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = ["good ok fun", "bad no fun", "good fun", "no bad"]
Y = [0, 1, 0, 1]


def upper(text: str) -> str:
    return text.upper()


def words(text: str) -> list[str]:
    return text.split("o")


ONLY_TEXTS = {
    "pattern": CountVectorizer(token_pattern=r"(?=\w)[a-z]+|\d"),
    "tokenizer": TfidfVectorizer(tokenizer=words, token_pattern=None),
    "hashing": HashingVectorizer(tokenizer=words, token_pattern=None, n_features=32),
}
ANYTHING = {
    "preprocessor": CountVectorizer(preprocessor=upper),
    "analyzer": CountVectorizer(analyzer=list),
    "as-they-come": CountVectorizer(tokenizer=words, token_pattern=None, lowercase=False),
}


@pytest.fixture(scope="module")
def runtime() -> Iterator[pretzel.Runtime]:
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        for name, first in {**ONLY_TEXTS, **ANYTHING}.items():
            runtime.register(name, make_pipeline(first, LogisticRegression()).fit(TEXTS, Y))
        yield runtime


@pytest.fixture(scope="module")
def client(runtime: pretzel.Runtime) -> Client:
    return Client(pretzel.serving.app(runtime))


@pytest.mark.parametrize("name", [*ONLY_TEXTS, *ANYTHING])
def test_texts_are_documents(client: Client, runtime: pretzel.Runtime, name: str) -> None:
    assert runtime[name].plan.physical.input.kind is (InputKind.TEXT if name in ONLY_TEXTS else InputKind.ANY)
    path = f"/models/{name}/predict"
    assert [client.post(path, text).json for text in TEXTS] == Y
    for count in (4, 2, 1):
        answer = client.post(path, TEXTS[:count])
        assert (answer.status, answer.json) == (200, Y[:count]), answer.body
    for shape in ([4], [4, 1]):
        tensor = {"name": "X", "datatype": "BYTES", "shape": shape, "data": TEXTS}
        answer = client.post(f"/v2{path.removesuffix('/predict')}/infer", {"inputs": [tensor]})
        assert answer.status == 200, answer.body
        assert answer.json["outputs"][0]["data"] == Y
    assert read(ask(client, path, pa.table({"text": TEXTS}))).column("predict").to_pylist() == Y


@pytest.mark.parametrize("name", [*ONLY_TEXTS, *ANYTHING])
def test_a_column_of_a_table_holds_the_documents(runtime: pretzel.Runtime, name: str) -> None:
    scorer = BatchScorer(runtime[name].plan, column="text", keep=["n"])
    frame = pd.DataFrame({"n": range(4), "text": TEXTS})
    for table in (frame, pa.table(frame), {"n": np.arange(4), "text": np.array(TEXTS, object)}):
        answer = scorer(table)
        assert np.asarray(answer["predict"]).tolist() == Y
    with pytest.raises(InputError, match="which column holds the"):
        BatchScorer(runtime[name].plan)(frame)


def test_an_item_of_tokens_is_a_list_in_a_list(client: Client, runtime: pretzel.Runtime) -> None:
    model = make_pipeline(CountVectorizer(analyzer=list), LogisticRegression())
    tokens = [text.split() for text in TEXTS]
    runtime.register("tokens", model.fit(tokens, Y))
    assert client.post("/models/tokens/predict", tokens).json == Y
    assert client.post("/models/tokens/predict", tokens[:1]).json == Y[:1]
    assert read(ask(client, "/models/tokens/predict", pa.table({"t": tokens}))).column(0).to_pylist() == Y


def test_features_are_no_columns(client: Client, runtime: pretzel.Runtime) -> None:
    from sklearn.feature_extraction import DictVectorizer, FeatureHasher

    runtime.register("dicts", DictVectorizer().fit([{"a": 1.0}, {"b": "x"}]))
    runtime.register("hashed", FeatureHasher(8, input_type="string").fit([["a"], ["b"]]))
    structs = pa.table({"f": pa.array([{"a": 1.0, "b": None}])})
    columns = pa.table({"a": [1.0], "b": ["x"]})
    for table, said in ((structs, "send dicts of features as JSON"), (columns, "one column of items")):
        answer = ask(client, "/models/dicts/transform", table)
        assert (answer.status, said in answer.error) == (400, True), answer.body
    tokens = [["a", "b"], ["b"]]
    found: Any = read(ask(client, "/models/hashed/transform", pa.table({"t": tokens})))
    np.testing.assert_array_equal(np.column_stack(found.columns), runtime["hashed"].plan.transform(tokens).toarray())


@pytest.mark.parametrize("name", [*ONLY_TEXTS, *ANYTHING])
def test_no_documents_are_no_request(client: Client, name: str) -> None:
    answer = client.post(f"/models/{name}/predict", [])
    assert answer.status == 400, answer.body
