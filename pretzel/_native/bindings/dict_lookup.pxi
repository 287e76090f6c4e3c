# Looks into dicts that other threads may change meanwhile. Without the GIL one of them may free what a dict lends
# before it is looked at, so that a reference has to be taken with it; with the GIL nothing is taken.

cdef extern from *:
    """
    #ifdef Py_GIL_DISABLED
    #define PRETZEL_LOOK_UP PyDict_GetItemRef
    #define PRETZEL_KEEP(item)
    #define PRETZEL_LET_GO(item) Py_DECREF(item)
    #define PRETZEL_LENDS 0
    #else
    static inline int pretzel_look_up(PyObject* dict, PyObject* key, PyObject** item) {
      *item = PyDict_GetItemWithError(dict, key);
      return *item != NULL ? 1 : PyErr_Occurred() ? -1 : 0;
    }
    #define PRETZEL_LOOK_UP pretzel_look_up
    #define PRETZEL_KEEP(item) Py_INCREF(item)
    #define PRETZEL_LET_GO(item)
    #define PRETZEL_LENDS 1
    #endif

    static inline int pretzel_float_item(PyObject* dict, PyObject* key, double* out) {
      PyObject* item = NULL;
      int found = PRETZEL_LOOK_UP(dict, key, &item);
      if (found <= 0) return found;
      found = PyFloat_CheckExact(item);
      if (found) *out = PyFloat_AS_DOUBLE(item);
      PRETZEL_LET_GO(item);
      return found;
    }

    static inline PyObject* pretzel_item_or(PyObject* dict, PyObject* key, PyObject* otherwise) {
      PyObject* item = NULL;
      const int found = PRETZEL_LOOK_UP(dict, key, &item);
      if (found < 0) return NULL;
      if (found == 0) return Py_NewRef(otherwise);
      PRETZEL_KEEP(item);
      return item;
    }
    """
    const bint LENDS "PRETZEL_LENDS"  # what a dict lends stays until other code of Python runs
    int float_item "pretzel_float_item" (object mapping, object key, double* out) except -1  # 0: there is no float
    object item_or "pretzel_item_or" (object mapping, object key, object otherwise)
