"""scikit-learn: one module of adapters for each of its modules.

Objects of libraries without a frontend of their own are read here, too. They have no adapters, so they run as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pretzel.errors import CompileError, UnfittedError
from pretzel.oven.frontends.registry import TRANSFORM, children, public_name
from pretzel.oven.frontends.sklearn._requests import counts_rows, needs_rows, passes_request_on
from pretzel.oven.frontends.sklearn.compat import (
    check_release,
    follows_configuration,
    output_container,
    requires_fit,
    since,
    takes_sparse,
    takes_tables,
)
from pretzel.oven.frontends.sklearn.compat.kernel_machines import LIBSVM
from pretzel.oven.frontends.sklearn.compat.neighbors import sparse_apart
from pretzel.oven.frontends.sklearn.compat.projections import checks_projections
from pretzel.oven.frontends.sklearn.origin import check_origin

__all__ = [
    "asks_for_floats",
    "check_readable",
    "checks_input",
    "checks_inverse",
    "checks_sparse",
    "checks_table",
    "counts_rows",
    "densifies_inverse",
    "fails_at_frames",
    "finds_columns",
    "follows_configuration",
    "keeps_columns",
    "keeps_container",
    "keeps_format",
    "makes_float64",
    "makes_sparse",
    "needs_rows",
    "output_container",
    "passes_request_on",
    "passes_texts_on",
    "reads_columns",
    "records_names",
    "rejects_sparse_nan",
    "sparse_apart",
    "takes_documents",
    "takes_long_indices",
    "takes_sparse",
    "takes_sparse_nan",
    "takes_tables",
    "takes_text_arrays",
    "takes_text_lists",
    "takes_vectors",
]

ANSWERS = ("predict", "predict_proba", "decision_function", "transform", "score_samples")
"""An object with none of these methods is no estimator."""

VECTORIZERS = frozenset(f"sklearn.feature_extraction.text.{kind}Vectorizer" for kind in ("Count", "Hashing", "Tfidf"))

SPARSE_MAKERS = frozenset(
    {
        "sklearn.ensemble.RandomTreesEmbedding",
        "sklearn.feature_extraction.DictVectorizer",
        "sklearn.feature_extraction.FeatureHasher",
        *VECTORIZERS,
        "sklearn.neighbors.KNeighborsTransformer",
        "sklearn.neighbors.RadiusNeighborsTransformer",
        "sklearn.preprocessing.OneHotEncoder",
    }
)
"""Transformers that make sparse rows, by the public names of their classes."""


TREES = ("sklearn.tree.", "sklearn.ensemble.RandomForest", "sklearn.ensemble.ExtraTrees", "sklearn.ensemble.Gradient",
         "sklearn.ensemble.RandomTrees", "sklearn.ensemble.IsolationForest")  # fmt: skip
"""How the public names of estimators begin that give a request to trees."""


NUMERIC = ("sklearn.linear_model.", "sklearn.naive_bayes.", "sklearn.neural_network.MLP", "sklearn.svm.Linear",
           "sklearn.preprocessing.Binarizer", "sklearn.preprocessing.Normalizer", "sklearn.decomposition.TruncatedSVD",
           "sklearn.impute.MissingIndicator", "sklearn.decomposition.FactorAnalysis",
           "sklearn.covariance.", "sklearn.mixture.", "sklearn.discriminant_analysis.",
           "sklearn.decomposition.SparsePCA", "sklearn.decomposition.MiniBatchSparsePCA",
           "sklearn.decomposition.SparseCoder", "sklearn.decomposition.DictionaryLearning",
           "sklearn.decomposition.MiniBatchDictionaryLearning",
           "sklearn.cluster.FeatureAgglomeration", "sklearn.cluster.AffinityPropagation", "sklearn.cluster.MeanShift",
           "sklearn.preprocessing.SplineTransformer",
           "sklearn.cluster.Birch", "sklearn.decomposition.KernelPCA", "sklearn.semi_supervised.Label",
           "sklearn.neighbors.", "sklearn.manifold.", "sklearn.gaussian_process.", "sklearn.kernel_ridge.",
           "sklearn.kernel_approximation.")  # fmt: skip
"""How the public names of estimators begin that leave the dtype of numbers to NumPy, and reject texts."""

ENCODERS = frozenset(f"sklearn.preprocessing.{name}" for name in ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder"))

UNCONVERTING = frozenset({"sklearn.compose.ColumnTransformer", "sklearn.preprocessing.FunctionTransformer"})
"""Steps that pass columns of any dtype on, or to a function."""

PARSING = frozenset({"GammaRegressor", "KernelDensity", "PoissonRegressor", "SkewedChi2Sampler", "TweedieRegressor"})
"""Exceptions from `NUMERIC`."""


def passes_texts_on(estimator: Any) -> bool:
    """Selectors, and a function that does nothing."""
    name = public_name(type(estimator))
    nothing = name == "sklearn.preprocessing.FunctionTransformer" and estimator.func is None and not estimator.validate
    return nothing or name.startswith("sklearn.feature_selection.")


def takes_text_lists(estimator: Any) -> bool:
    """Whether numbers may be texts or bytes in lists. Functions of NumPy parse nothing."""
    if keeps_container(estimator) and estimator.func is not None:
        return False
    return type(estimator).__name__ in PARSING or not public_name(type(estimator)).startswith(NUMERIC)


def takes_text_arrays(estimator: Any) -> bool:
    """Whether numbers may be arrays of NumPy's own texts or bytes.

    Imputers of any value, and encoders fitted on numbers, take texts among objects and in lists only.
    """
    name = public_name(type(estimator))
    if name == "sklearn.impute.SimpleImputer":
        return estimator.strategy not in ("most_frequent", "constant") or estimator.statistics_.dtype == object
    if name in ENCODERS:
        return all(each.dtype.kind in "OUS" for each in estimator.categories_)
    return takes_text_lists(estimator)


def takes_vectors(estimator: Any) -> bool:
    """Isotonic regression."""
    return public_name(type(estimator)) == "sklearn.isotonic.IsotonicRegression"


def reads_columns(estimator: Any) -> bool:
    """Encoders."""
    return public_name(type(estimator)) in ENCODERS


CHECKING = frozenset(
    {
        "sklearn.compose.ColumnTransformer",
        "sklearn.ensemble.AdaBoostClassifier",
        "sklearn.ensemble.AdaBoostRegressor",
        "sklearn.ensemble.BaggingClassifier",
        "sklearn.ensemble.BaggingRegressor",
        "sklearn.linear_model.RANSACRegressor",
        "sklearn.multiclass.OneVsOneClassifier",
        "sklearn.multioutput.ClassifierChain",
        "sklearn.multioutput.RegressorChain",
        "sklearn.semi_supervised.SelfTrainingClassifier",
    }
)
"""Compositions that check their input themselves, by the public names of their classes."""


def checks_table(estimator: Any) -> bool:
    """Whether a composition checks its input before its parts see it."""
    return public_name(type(estimator)) in CHECKING


def finds_columns(estimator: Any) -> bool:
    """A `ColumnTransformer`, by name or position."""
    return public_name(type(estimator)) == "sklearn.compose.ColumnTransformer"


def asks_for_floats(estimator: Any) -> bool:
    """Whether the input is converted to a float type. The others leave the dtype to NumPy: they fail on dates, or pass
    them on.
    """
    name = public_name(type(estimator))
    if name.startswith("sklearn.feature_selection.") or name in ENCODERS or name in UNCONVERTING:
        return False
    if name == "sklearn.impute.SimpleImputer":
        return estimator.strategy not in ("most_frequent", "constant")
    return takes_text_lists(estimator) and takes_text_arrays(estimator)


MAKERS_OF_FLOAT64 = frozenset(
    {
        "sklearn.cluster.FeatureAgglomeration",
        "sklearn.cross_decomposition.PLSRegression",
        "sklearn.decomposition.FactorAnalysis",
        "sklearn.decomposition.FastICA",
        "sklearn.decomposition.IncrementalPCA",
        "sklearn.decomposition.KernelPCA",
        "sklearn.decomposition.LatentDirichletAllocation",
        "sklearn.decomposition.MiniBatchSparsePCA",
        "sklearn.decomposition.SparsePCA",
        "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
        "sklearn.kernel_approximation.Nystroem",
        "sklearn.kernel_approximation.PolynomialCountSketch",
        "sklearn.kernel_approximation.RBFSampler",
        "sklearn.kernel_approximation.SkewedChi2Sampler",
        "sklearn.manifold.Isomap",
        "sklearn.manifold.LocallyLinearEmbedding",
        "sklearn.neighbors.NeighborhoodComponentsAnalysis",
        "sklearn.neural_network.BernoulliRBM",
    }
)
"""Transformers that compute with what they learnt, and are opaque, or may be; by the public names of their classes."""


def makes_float64(estimator: Any) -> bool:
    """Whether float32 becomes float64 because what was learnt is float64, or a part of it."""
    learnt = [value for value in vars(estimator).values() if isinstance(value, np.ndarray) and value.dtype.kind == "f"]
    return public_name(type(estimator)) in MAKERS_OF_FLOAT64 and (
        not learnt or any(each.dtype == np.float64 for each in learnt)
    )


PRINCIPAL = frozenset(f"sklearn.decomposition.{name}" for name in ("PCA", "IncrementalPCA"))

FACTORIZATIONS = frozenset(f"sklearn.decomposition.{name}" for name in ("MiniBatchNMF", "NMF"))

DENSIFYING = FACTORIZATIONS | {"sklearn.decomposition.KernelPCA", "sklearn.preprocessing.OneHotEncoder"}

UNCHECKED_INVERSES = frozenset(
    {*FACTORIZATIONS, "sklearn.cluster.FeatureAgglomeration", "sklearn.preprocessing.LabelBinarizer"}
)
"""Transformers whose ``inverse_transform`` is given whatever comes."""

UNCHECKED_IF_SPARSE = frozenset({"ElasticNet", "Lasso", "MultiTaskElasticNet", "MultiTaskLasso"})
"""Estimators that multiply sparse rows as they come."""


def records_names(estimator: Any) -> bool:
    """What is fitted by scikit-learn's own code does; a class of one's own may count the columns and keep no names."""
    names = [public_name(cls) for cls in type(estimator).__mro__]
    return any(
        name.startswith("sklearn.") and not name.startswith(("sklearn.base.", "sklearn.utils.")) for name in names
    )


def checks_sparse(estimator: Any) -> bool:
    """Whether sparse rows are checked as dense ones are."""
    return type(estimator).__name__ not in UNCHECKED_IF_SPARSE


CHECKING_INDICES = ("sklearn.cluster.", *(f"sklearn.svm.{name}" for name in sorted(LIBSVM)))
"""How the public names of estimators begin, beside `TREES`, that take indices of 32 bits only."""


def takes_documents(estimator: Any) -> bool:
    """Whether only texts can be documents; functions in place of a vectorizer's parts may take anything."""
    if public_name(type(estimator)) not in VECTORIZERS or estimator.input != "content":
        return False
    if callable(estimator.analyzer) or estimator.preprocessor is not None or callable(estimator.strip_accents):
        return False
    given_as_they_come = not estimator.lowercase and not estimator.strip_accents and estimator.analyzer == "word"
    return not given_as_they_come or estimator.tokenizer is None


def takes_long_indices(estimator: Any) -> bool:
    """Whether sparse rows may have indices of 64 bits."""
    return not public_name(type(estimator)).startswith((*TREES, *CHECKING_INDICES))


def takes_sparse_nan(estimator: Any) -> bool:
    """Whether NaN in sparse rows is treated as in dense ones."""
    return not public_name(type(estimator)).startswith(TREES)


def rejects_sparse_nan(estimator: Any) -> bool:
    """Whether NaN in sparse rows is looked for; an `IsolationForest` sends it where its trees send any number."""
    return type(estimator).__name__ != "IsolationForest"


def check_readable(estimator: Any) -> None:
    """Raise `CompileError` unless ``estimator`` answers requests, and `UnfittedError` where ``fit`` comes first."""
    if type(estimator).__module__.partition(".")[0] in ("pandas", "polars"):  # `transform` of a table is no answer
        raise CompileError(f"expected a fitted scikit-learn estimator, got a {type(estimator).__name__}")
    if isinstance(estimator, type) or not any(callable(getattr(estimator, m, None)) for m in ("fit", *ANSWERS)):
        raise CompileError(f"expected a fitted scikit-learn estimator, got {estimator!r:.80}")
    if not hasattr(estimator, "fit"):
        return  # what cannot be fitted need not be
    check_release()
    check_origin(estimator)
    from sklearn.exceptions import NotFittedError

    try:
        _check_fitted(estimator)
    except NotFittedError as error:
        raise UnfittedError(f"{type(estimator).__name__} is not fitted: call fit before compiling it") from error
    except (AttributeError, TypeError) as error:  # of a last step without tags, or without `fit`
        raise CompileError(f"{type(estimator).__name__} does not answer: {error}") from error


def _check_fitted(estimator: Any) -> None:
    """`sklearn.utils.validation.check_is_fitted`, in linear time.

    The original reads the tags of a composition at each level, and each composition asks its parts for theirs several
    times, so that its time is exponential in the depth of nested compositions. Estimators of other libraries may have
    nothing to learn: then no attribute tells, and their first request does. A pipeline, wherever it is, asks its last
    step since 1.8.
    """
    from sklearn.utils.validation import check_is_fitted

    agenda = [(estimator, True, False)]  # whether what is learnt is asked for, and whether a pipeline asks
    while agenda:
        each, is_asked, in_pipeline = agenda.pop()
        name = public_name(type(each))
        inside = [child.estimator for child in children(each) if child.estimator is not None]
        if name == "sklearn.pipeline.Pipeline":
            agenda += [(step, False, False) for step in inside[:-1]]
            agenda += [(step, is_asked or since("1.8"), since("1.8")) for step in inside[-1:]]
        elif name in ("sklearn.pipeline.FeatureUnion", "sklearn.frozen.FrozenEstimator"):
            agenda += [(part, is_asked, in_pipeline) for part in inside]
        else:
            agenda += [(part, False, False) for part in inside]
            if not is_asked:
                continue
            if name.startswith("sklearn."):
                is_asked = (_has_learnt_nothing(each) and requires_fit(each)) or hasattr(each, "__sklearn_is_fitted__")
            else:
                is_asked = in_pipeline or hasattr(each, "__sklearn_is_fitted__")
            if is_asked:
                check_is_fitted(each)


def _has_learnt_nothing(estimator: Any) -> bool:
    """Whether no attribute has the name of a fitted one."""
    return not any(name.endswith("_") and not name.startswith("__") for name in vars(estimator))


def refuses(estimator: Any, method: str) -> bool:
    """Whether the parameters of an estimator make one of its methods fail whatever the request is."""
    name = public_name(type(estimator))
    if name == "sklearn.discriminant_analysis.LinearDiscriminantAnalysis":
        return method == "transform" and estimator.solver == "lsqr"
    many = name == "sklearn.gaussian_process.GaussianProcessClassifier" and len(estimator.classes_) > 2
    return many and method == "predict_proba" and estimator.multi_class == "one_vs_one"


def keeps_container(estimator: Any) -> bool:
    """A function of NumPy, or none, without validation: it returns a frame for a frame."""
    return not checks_input(estimator) and (estimator.func is None or type(estimator.func).__name__ == "ufunc")


def checks_input(estimator: Any) -> bool:
    """A function without validation is given whatever comes."""
    return type(estimator).__name__ != "FunctionTransformer" or estimator.validate


def keeps_columns(estimator: Any) -> bool:
    """A function of NumPy, or none."""
    function = getattr(estimator, "func", keeps_columns)
    return public_name(type(estimator)) == "sklearn.preprocessing.FunctionTransformer" and (
        function is None or type(function).__name__ == "ufunc"
    )


def checks_inverse(estimator: Any) -> bool:
    """A function without validation is given whatever comes, and so are components in some releases."""
    unchecked = UNCHECKED_INVERSES if checks_projections() else UNCHECKED_INVERSES | PRINCIPAL
    return checks_input(estimator) and public_name(type(estimator)) not in unchecked


def densifies_inverse(estimator: Any) -> bool:
    """Of sparse rows, products with dense components are dense, and so are categories and middles of bins."""
    name = public_name(type(estimator))
    if name == "sklearn.preprocessing.KBinsDiscretizer":
        return bool(estimator.encode != "ordinal")
    return name in DENSIFYING or name.startswith("sklearn.random_projection.")


def makes_sparse(estimator: Any) -> bool:
    """Vectorizers and encoders, unless they were asked for dense rows."""
    if public_name(type(estimator)) not in SPARSE_MAKERS:
        return False
    return bool(getattr(estimator, "sparse_output", getattr(estimator, "sparse", True)))


def fails_at_frames(estimator: Any) -> bool:
    """Sparse rows are no frame; each step that follows the configuration makes one, also where others come behind."""
    if any(fails_at_frames(child.estimator) for child in children(estimator) if child.estimator is not None):
        return True
    name = public_name(type(estimator))
    is_sparse = makes_sparse(estimator) or getattr(estimator, "sparse_output_", False)
    if name == "sklearn.preprocessing.KBinsDiscretizer":
        is_sparse = estimator.encode == "onehot"
    return bool(is_sparse) and follows_configuration(estimator)


def keeps_format(estimator: Any) -> bool:
    """Scalers that work on the stored entries, and what consists of them."""
    if type(estimator).__name__.startswith("Stacking"):
        return bool(estimator.passthrough)
    inside = [child.estimator for child in children(estimator) if child.reads != TRANSFORM]
    if inside:
        return type(estimator).__name__ != "FeatureUnion" and all(map(keeps_format, inside))
    return type(estimator).__name__ in ("MaxAbsScaler", "RobustScaler")
