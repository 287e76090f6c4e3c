# Functions for single rows, ``plan.predict_one`` and the like: built-in functions with a name, a signature and a
# docstring of their own. Python calls them without a bound method in between.

TABLE_SIGNATURE = inspect.Signature([inspect.Parameter("X", inspect.Parameter.POSITIONAL_OR_KEYWORD)])

cdef object MISSING = object()  # in place of a table, where the source calls its first argument otherwise


cdef tuple given(X, tuple arguments):
    """The arguments of a call by their positions."""
    return () if X is MISSING else (X, *arguments)


cdef object call_row_of(object self, PyObject** arguments, Py_ssize_t n, PyObject* keywords):
    """``self.call_row(row)``; the row is given by position or as ``row=``."""
    if (n != 1 or keywords != NULL) and (n != 0 or keywords == NULL or <object>keywords != ("row",)):
        raise TypeError("expected one argument, row: methods of tables, such as `predict`, take further arguments")
    if type(self) is Method:
        return (<Method>self).call_row(<object>arguments[0])
    if type(self) is Endpoint:
        return (<Endpoint>self).call_row(<object>arguments[0])
    return self.call_row(<object>arguments[0])


@cython.final
cdef class RowDefinition:
    """What CPython keeps of a built-in function; functions point at it."""

    cdef PyMethodDef native
    cdef bytes name, doc


cdef dict ROW_DEFINITIONS = {}  # kept for good: one for each kind of method, not for each model


def row_function(target, str method):
    """``target.call_row`` as a built-in function called ``method + "_one"``."""
    cdef RowDefinition definition
    doc = CALLBACKS.document(method, getattr(target, "plan", None), True)
    key = (method, doc)
    definition = ROW_DEFINITIONS.get(key)
    if definition is None:
        definition = RowDefinition()
        definition.name = f"{method}_one".encode()
        definition.doc = f"{method}_one($self, row)\n--\n\n{doc}".encode()
        definition.native.ml_name = definition.name
        definition.native.ml_doc = definition.doc
        definition.native.ml_flags = METH_FASTCALL | METH_KEYWORDS
        definition.native.ml_meth = <PyCFunction><void*>call_row_of
        definition = ROW_DEFINITIONS.setdefault(key, definition)
    return PyCFunction_NewEx(&definition.native, target, NULL)
