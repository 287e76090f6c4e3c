"""Documented differences: cases in which a plan does not answer as its source, each with the reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance.run import Case


@dataclass(frozen=True)
class Known:
    """Cases that differ for one reason; every text is a regular expression that must match the whole name.

    Parameters
    ----------
    reason : str
    subject, fit, method, form, kind : str
    """

    reason: str
    subject: str = ".*"
    fit: str = ".*"
    method: str = ".*"
    form: str = ".*"
    kind: str = ".+"

    def covers(self, case: Case) -> bool:
        """Whether the case is one of these."""
        fields = ("subject", "fit", "method", "form", "kind")
        return all(re.fullmatch(getattr(self, field), getattr(case, field)) for field in fields)


BOOSTERS = "(XGB|LGBM|CatBoost|LocalClassifier).* #.*"
"""Estimators of other libraries, which check requests in ways of their own."""

KNOWN: tuple[Known, ...] = (
    Known(
        "where no row of a request has a neighbour, scikit-learn answers in the dtype of whole-number targets, so that "
        "the dtype of one row depends on the others; a plan has one",
        subject="RadiusNeighborsRegressor.*", method="predict", kind="dtype",
    ),
    Known(
        "a plan reads every table of the right shape and names; the library has no reader for this container or dtype",
        subject=BOOSTERS, kind="answered",
    ),
    Known(
        "a plan rejects tables of another width, with other names, and vectors; the library ignores or reshapes them",
        subject=BOOSTERS, kind="refused",
        form=".*too (wide|narrow)|frame, column.*|no columns|a (vector|series)|polars_(reordered|renamed)",
    ),
    Known(
        "the library reads the bytes of big-endian numbers as if they were little-endian",
        subject="XGB.*", form="big-endian.*", kind="values",
    ),
    Known(
        "the library reads no such container, looks columns up by name, or hashes texts that UTF-8 cannot hold",
        subject="category_encoders.*", kind="answered",
    ),
    Known(
        "a plan rejects other columns, and rows of other lengths; of the library the model behind the encoder does",
        subject="category_encoders.*", kind="refused", form=".*column.*|ragged list|row: dict.*",
    ),
    Known(
        "where an array is asked for, the library's has the common dtype of a frame: objects for dtypes of pandas, and "
        "whole numbers or floats by what a row holds",
        subject="category_encoders.*", kind="dtype", form="nullable|Arrow-backed|text of Arrow|row: .*|.*no rows.*",
    ),
    Known(
        "names of columns are texts in a plan; an encoder that was fitted on an array keeps numbers",
        subject="category_encoders.*", kind="names", form=".*pandas configured",
    ),
    Known(
        "with split_sign, the source names half of the columns that it makes, and fails where frames are asked for",
        subject="SparseCoder.*", kind="answered", form=".*configured",
    ),
    Known(
        "the source ignores the names of columns; a plan rejects other ones, because it would read the wrong columns",
        subject="LocalOutlierFactor.*", form="frame, columns re(ordered|named)|polars_reordered", kind="refused",
    ),
    Known(
        "sparse rows of float32 are computed with in float64; the source rejects them, or rounds weights to float32",
        subject="(MiniBatch)?NMF.*", form=".*float32.*", kind="answered|dtype",
    ),
    Known(
        "of stored zeros the source makes divergences of as many numbers as there are others, which do not fit",
        subject="(MiniBatch)?NMF.*", form="csr_with_zeros_stored", kind="answered",
    ),
    Known(
        "rows that are infinitely far from all others: weights are zero, for which the source blames a function",
        subject="KNeighborsClassifier.*", form="huge", kind="answered",
    ),
    *(
        Known(
            "rows far from all others: the source subtracts squares of distances that agree in all their digits",
            subject="Isomap.*", form="huge|above float32|integers beyond .*", kind=kind,
        ) for kind in ("values", "answered")
    ),
    Known(
        "for no rows the library answers one dimension where it answers two for any other, and two columns of "
        "probabilities for any number of classes; a plan's answer has the columns of every other",
        subject="XGB.*", form=".*no rows.*", kind="shape",
    ),
    Known("labels of a row are arrays of objects in the library", subject="CatBoost.*", form="row: .*", kind="dtype"),
    Known(
        "a ColumnTransformer of the source does not pass NA on; a plan takes it for missing",
        subject="ColumnTransformer.*|function on numbers|boosting on codes", form="nullable|Arrow-backed|.* with NA",
        kind="answered",
    ),
    Known(
        "sums of 1e16 and more: the difference that decides between classes is below their last bit",
        subject="(Complement|Multinomial)NB.*", form="integers beyond .*", kind="values",
    ),
    Known(
        "waves of 1e16 periods: the place in the period is below the last bit of the projection",
        subject="RBFSampler.*", form="integers beyond .*", kind="values",
    ),
    Known(
        "sparse rows of few columns are read densely; its sums of absolute differences need indices of 32 bits",
        subject="KernelRidge.*", form="csr_of_long_indices", kind="answered",
    ),
    Known(
        "the source writes into memory that pandas does not let it change",
        subject="(KBinsDiscretizer|FastICA|CCA|PLSCanonical|PLSRegression).*", form="frame of bool", kind="answered",
    ),
    Known(
        "sparse rows are answered in any format; the source takes rows of them, which this format does not let it",
        subject="IncrementalPCA.*", form="coo_.*", kind="answered",
    ),
    Known(
        "the source makes a vector of the projection of a single row",
        subject="(MiniBatch)?SparsePCA.*", form="one row.*", kind="shape|answered",
    ),
    Known(
        "SciPy does not multiply sparse rows by sparse components of another precision; the same numbers are answered",
        subject="SparseRandomProjection.*", form="cs[^ ]* of float32", kind="answered",
    ),
    Known(
        "iterating over a frame gives the names of its columns, which are not the documents that the caller means",
        subject="(Count|Tfidf|Hashing)Vectorizer.*", form="frame of text|column of text", kind="refused",
    ),
    Known(
        "an Arrow array of text is text; the source fails on Arrow's scalars",
        subject="(Count|Tfidf|Hashing)Vectorizer.*", form="Arrow array", kind="answered",
    ),
    Known(
        "`apply` of the source asks its first tree, which knows no names: columns are taken as they come",
        subject="GradientBoosting.*", method="apply", form="frame, columns (reordered|renamed)|polars_reordered",
        kind="refused",
    ),
    Known(
        "`apply` of the source fails on a list from within",
        subject="GradientBoosting.*", method="apply", form="(list|tuple) of .*", kind="answered",
    ),
    Known(
        "the source fails where the request's float type is not that of the fit; the same numbers are answered",
        subject="(MiniBatch|Bisecting)?KMeans.*", fit="float32", method="predict",
        form="(row|c[^ ]*_matrix).*|longdouble", kind="answered",
    ),
    Known(
        "a table of numbers for an encoder that knows texts and a missing value: the source fails from within",
        subject="(OneHot|Ordinal|Target)Encoder.*|columns by place", form="matrix of numbers", kind="answered",
    ),
    Known(
        "an Arrow table is answered as a frame is; a ColumnTransformer fails on one from within",
        form="arrow_table|arrow_record_batch|Arrow table", kind="answered",
    ),
    Known(
        "the weights of sparse rows are float64",
        subject="Normalizer.*", form="csr_matrix of float32", kind="dtype",
    ),
    Known(
        "encoders of the source take `isnan` of the text that polars' categories are, or of objects among numbers",
        fit="mixed", form="polars with categories|polars|bool as numbers", kind="answered",
    ),
    Known(
        "the source writes its first category over what is unknown, and fails where a boolean cannot hold that",
        subject="(OneHot|Ordinal)Encoder.*", form="(frame of )?bool", kind="answered",
    ),
    Known(
        "integers of which several are one float64 are known categories of floats for the source, whatever they are",
        subject="(OneHot|Ordinal|Target)Encoder.*", form="integers beyond .*", kind="values",
    ),
    Known(
        "a step of one's own that has no record of names gets a row without names as an array",
        subject="custom (transformer|frame) first|ages", form="row: (tuple|list)", kind="refused",
    ),
    Known(
        "a selector of which frames are asked for does not check that the request has rows",
        subject="(GenericUnivariate)?Select.*|RFE.*|SequentialFeatureSelector.*|VarianceThreshold.*",
        form="no rows of a frame, pandas configured", kind="refused",
    ),
    Known(
        "the source makes an array of objects of its own numbers beside those of nullable columns",
        subject="Stacking.*", method="transform", form="nullable.*|.* with NA", kind="dtype",
    ),
    Known(
        "what is passed through leaves as CSR or CSC, also where the source keeps a format of single entries",
        subject="Stacking.*", method="transform", form="(coo|lil|dok|dia|bsr)_.*|sparse frame", kind="container",
    ),
    Known(
        "the source counts the labels of each member for themselves, and fails at the names of its columns",
        subject="StackingClassifier.*", method="transform", form=".* configured", kind="answered",
    ),
)  # fmt: skip

KNOWN_ERRORS = {
    "read-only": "the source writes into memory that pandas does not let it change",
    "uses pandas.NA to represent": "a ColumnTransformer of the source does not pass NA on; a plan takes it for missing",
}
"""Parts of the messages of errors that the source raises where a plan answers, each with the reason."""


def reason(case: Case) -> str | None:
    """Why a case differs; None if nothing is known."""
    return next((known.reason for known in KNOWN if known.covers(case)), None)
