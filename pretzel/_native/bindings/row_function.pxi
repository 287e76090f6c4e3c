# Functions for single rows, ``plan.predict_one`` and the like: built-in functions with a name, a signature and a
# docstring of their own. Python calls them without a bound method in between.

cdef object CALLBACKS = {}


def callback(function):
    """Register, by its name, a Python function that the bindings call: for errors, unusual rows and documentation."""
    CALLBACKS[function.__name__] = function
    return function


cdef object python_side(str name):
    """The registered function of this name."""
    found = CALLBACKS.get(name)
    if found is None:
        raise errors.KernelError(f"no function is registered as {name!r}")
    return found


cdef object TABLE_SIGNATURE = None


cdef object table_signature():
    """``(X)``, as `inspect.signature` shows it."""
    global TABLE_SIGNATURE
    if TABLE_SIGNATURE is None:
        import inspect

        TABLE_SIGNATURE = inspect.Signature([inspect.Parameter("X", inspect.Parameter.POSITIONAL_OR_KEYWORD)])
    return TABLE_SIGNATURE


cdef inline object only_row(PyObject** arguments, Py_ssize_t n, PyObject* keywords):
    """The one argument of a call, given by position or as ``row=``."""
    if n == 1 and keywords == NULL:
        return <object>arguments[0]
    if n == 0 and keywords != NULL and <object>keywords == ("row",):
        return <object>arguments[0]
    raise TypeError("expected one argument, row")


cdef object call_method_row(object self, PyObject** arguments, Py_ssize_t n, PyObject* keywords):
    return (<Method>self).call_row(only_row(arguments, n, keywords))


cdef object call_endpoint_row(object self, PyObject** arguments, Py_ssize_t n, PyObject* keywords):
    return (<Endpoint>self).call_row(only_row(arguments, n, keywords))


cdef object call_other_row(object self, PyObject** arguments, Py_ssize_t n, PyObject* keywords):
    return self.call_row(only_row(arguments, n, keywords))


@cython.final
cdef class RowDefinition:
    """What CPython keeps of a built-in function; functions point at it."""

    cdef PyMethodDef native
    cdef bytes name, doc


cdef dict ROW_DEFINITIONS = {}  # kept for good: one for each kind of method, not for each model


def row_function(target, str method):
    """``target.call_row`` as a built-in function called ``method + "_one"``."""
    cdef RowDefinition definition
    doc = python_side("document")(method, getattr(target, "plan", None), True, getattr(target, "sparse_result", False))
    key = (type(target), method, doc)
    definition = ROW_DEFINITIONS.get(key)
    if definition is None:
        definition = RowDefinition()
        definition.name = f"{method}_one".encode()
        definition.doc = f"{method}_one($self, row)\n--\n\n{doc}".encode()
        definition.native.ml_name = definition.name
        definition.native.ml_doc = definition.doc
        definition.native.ml_flags = METH_FASTCALL | METH_KEYWORDS
        if type(target) is Method:
            definition.native.ml_meth = <PyCFunction><void*>call_method_row
        elif type(target) is Endpoint:
            definition.native.ml_meth = <PyCFunction><void*>call_endpoint_row
        else:
            definition.native.ml_meth = <PyCFunction><void*>call_other_row
        definition = ROW_DEFINITIONS.setdefault(key, definition)
    return PyCFunction_NewEx(&definition.native, target, NULL)
