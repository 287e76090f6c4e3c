# What answers a request: the types of its columns choose among the programs of a method.


cdef int ANY_TYPE = -1  # of no column yet
cdef int SEVERAL_TYPES = -3  # some leaves, or columns that count each, are computed in float32, and others are not


cdef struct RequestTypes:
    int result     # type of the columns that decide about the dtype of the result
    int variant    # which variant answers, `SEVERAL_TYPES`, or `ANY_TYPE` for the method's own program
    bint converts  # nothing but objects is refused, and not by functions, which would not make numbers of them


cdef int common_type(int a, int b) except -2:
    """Type that holds the numbers of both, as NumPy promotes them."""
    if b == cnp.NPY_LONGLONG or b == cnp.NPY_ULONGLONG:  # of the size of a long, which has a number of its own
        b = cnp.NPY_INT64 if b == cnp.NPY_LONGLONG else cnp.NPY_UINT64
    if a == ANY_TYPE or a == b:
        return b
    return np.promote_types(cnp.PyArray_DescrFromType(a), cnp.PyArray_DescrFromType(b)).num


cdef int common_type_of(set types) except -2:
    """Type that holds the numbers of all of these; `ANY_TYPE` where there are none."""
    cdef int common = ANY_TYPE
    for each in types:
        common = common_type(common, each)
    return common


cpdef int refused_type(set types, frozenset refused, bint each) except -2:
    """The type which a leaf with columns of these types refuses, `ANY_TYPE` if it takes them: see `plan.LeafTypes`.

    Several types are refused like objects where one of them is that of booleans, which pandas does not promote, or,
    where ``each`` column counts, is float32, in which functions compute.
    """
    cdef int common
    if not refused:
        return ANY_TYPE
    for one in types if each else ():
        if one in refused and one != cnp.NPY_FLOAT:
            return one
    if len(types) > 1 and cnp.NPY_OBJECT in refused and (cnp.NPY_BOOL in types or (each and cnp.NPY_FLOAT in types)):
        return cnp.NPY_OBJECT
    common = common_type_of(types)
    return common if common in refused else ANY_TYPE


@lru_cache(maxsize=1024)
def known_leaf_types(tuple typed, int leaves, frozenset by_type):
    """As `leaf_types`: one object for all methods of which this is the same."""
    found = [(types.matters, types.decides,
              frozenset([np.dtype(name).num for name in types.refuses]).intersection(by_type), types.each)
             for types in typed]
    return tuple(found) or ((False, False, frozenset(), False),) * leaves


@lru_cache(maxsize=1024)
def types_to_ask(tuple leaves, frozenset by_type):
    """The types among several for which each leaf is asked."""
    refused = frozenset().union(*[refuses for _, _, refuses, _ in leaves])
    return refused | {cnp.NPY_FLOAT} | ({cnp.NPY_FLOAT16} & by_type) | (
        {cnp.NPY_BOOL} if cnp.NPY_OBJECT in refused else set())


cpdef tuple leaf_types(plan, int leaves, by_type):
    """For each leaf, whether its type matters, and decides; which of the types ``by_type`` it refuses; and ``each``."""
    return known_leaf_types(plan.typed, leaves, frozenset(by_type))


@cython.final
cdef class TypeChoice:
    """What answers requests of each type.

    Parameters
    ----------
    plan : pretzel.plan.MethodPlan
    readers, names : tuple
        Of the leaves, and of all columns.
    by_type : dict
        Variants, by the number of the type.
    """

    cdef tuple leaves       # see `leaf_types`
    cdef tuple cells        # numbers of the leaves of cells that refuse booleans; None: there are no such leaves
    cdef tuple flags        # positions and names of their columns
    cdef dict by_type
    cdef frozenset to_ask   # the types among several for which each leaf is asked; None: whatever they are
    cdef bint differs_in_float64  # there is a variant for tables of float64, too
    cdef bint each                # a leaf is read by functions that refuse objects

    def __init__(self, plan, tuple readers, tuple names, dict by_type):
        self.leaves = leaf_types(plan, len(readers), by_type)
        self.cells = tuple([i for i, (matters, _, refuses, _) in enumerate(self.leaves) if matters and (
            cnp.NPY_BOOL in refuses and (<Reader>readers[i]).kind == LeafKind.kCells)]) or None
        if self.cells is not None:
            self.flags = tuple([(at, None if names is None else names[at]) for i in self.cells
                                for at in (<Reader>readers[i]).columns])
        self.by_type = by_type
        self.differs_in_float64 = cnp.NPY_FLOAT64 in by_type
        self.each = any([each and cnp.NPY_OBJECT in refuses for _, _, refuses, each in self.leaves])
        follows = plan.labels is None and plan.dtype.follows.value != ""
        if not follows or all([decides for matters, decides, _, _ in self.leaves if matters]):
            self.to_ask = types_to_ask(self.leaves, frozenset(by_type))

    cdef bint refuses_bool(self, object row):
        """Whether a row has a bool of Python in a column of `flags`."""
        if self.flags is None:
            return False
        if isinstance(row, dict):
            return any([type(row.get(name)) is bool for _, name in self.flags])
        return isinstance(row, (tuple, list)) and any([i < len(row) and type(row[i]) is bool for i, _ in self.flags])

    cdef int among_objects(self, list leaves, RequestTypes* found) except -1:
        """For columns of which those of objects were read as cells: booleans among them count as columns of them."""
        if self.cells is not None and any([type(column) is list and bool in {*map(type, column)}
                                           for i in self.cells for column in leaves[i]]):
            found.variant = cnp.NPY_BOOL
        return 0

    cdef int one(self, int type_num, RequestTypes* found) except -1:
        """For columns of one type."""
        found.result = cnp.NPY_FLOAT64
        found.converts = not self.each
        found.variant = cnp.NPY_FLOAT64 if self.differs_in_float64 else ANY_TYPE
        if type_num != cnp.NPY_FLOAT64:
            found.result = type_num
            found.variant = type_num if type_num in self.by_type else ANY_TYPE
        return 0

    cdef int several(self, set types, list of_leaves, by_branch, RequestTypes* found) except -1:
        """For columns of some ``types``, of which each leaf has arrays, or dtypes."""
        cdef int common = common_type_of(types) if types else cnp.NPY_FLOAT64
        if len(types) < 2:
            return self.one(common, found)
        found.result, found.variant, found.converts = common, ANY_TYPE, True
        if self.to_ask is None or common in self.to_ask or not self.to_ask.isdisjoint(types):
            self.ask(types_of(of_leaves), by_branch, found)
        return 0

    cdef int ask(self, list of_leaves, by_branch, RequestTypes* found) except -1:
        """What answers a request, by the types of the columns of each leaf."""
        cdef int common, refused, result = ANY_TYPE
        cdef bint is_single, any_single = False, all_single = True, rounds = False, widens = False, mixed = False
        cdef set every = set()
        found.variant = ANY_TYPE
        for types, (matters, decides, refuses, each) in zip(of_leaves, self.leaves):
            if not matters or not types:
                continue
            refused = refused_type(types, refuses, each)
            common = common_type_of(types)
            if refused != cnp.NPY_OBJECT and common == cnp.NPY_OBJECT:
                common = cnp.NPY_FLOAT64  # to which objects are converted that are not passed on
            is_single = common == cnp.NPY_FLOAT
            any_single |= is_single
            all_single &= is_single
            rounds |= refused == cnp.NPY_FLOAT
            widens |= not is_single and cnp.NPY_FLOAT in refuses
            mixed |= each and cnp.NPY_FLOAT in refuses and cnp.NPY_FLOAT in types and len(types) > 1
            found.converts &= refused == ANY_TYPE or (refused == cnp.NPY_OBJECT and not each)
            if refused == cnp.NPY_OBJECT or (found.variant == ANY_TYPE and refused != cnp.NPY_FLOAT):
                found.variant = refused
            if cnp.NPY_FLOAT16 in types and cnp.NPY_FLOAT16 in self.by_type:
                found.converts = False
                if found.variant == ANY_TYPE:
                    found.variant = cnp.NPY_FLOAT16
            every.add(common)
            if decides:
                result = common_type(result, common)
        found.result = cnp.NPY_FLOAT64 if result == ANY_TYPE else result
        if found.variant == cnp.NPY_OBJECT:
            return 0
        if mixed and by_branch is not None:
            found.variant = SEVERAL_TYPES
            return 0
        if not any_single:
            return 0
        common = common_type_of(every)
        if by_branch is not None and not all_single and (
                widens or by_branch.exists if common == cnp.NPY_FLOAT else rounds):
            found.variant = SEVERAL_TYPES
        elif found.variant == ANY_TYPE and common == cnp.NPY_FLOAT and cnp.NPY_FLOAT in self.by_type:
            found.variant = cnp.NPY_FLOAT
        return 0
