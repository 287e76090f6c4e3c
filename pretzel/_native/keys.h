// Keys of dicts against names of columns. The only C++ here that knows Python's objects.
#pragma once

#include <Python.h>

#include <cstring>

namespace pretzel {

/// Whether `key` is the string `name`. Names are ASCII for the most part; then this is one comparison of bytes.
inline bool is_name(PyObject* key, PyObject* name) noexcept {
  if (key == name) return true;
  if (!PyUnicode_CheckExact(key)) return false;
  const Py_ssize_t size = PyUnicode_GET_LENGTH(name);
  if (PyUnicode_GET_LENGTH(key) != size) return false;
  if (!PyUnicode_IS_COMPACT_ASCII(key) || !PyUnicode_IS_COMPACT_ASCII(name)) return PyUnicode_Compare(key, name) == 0;
  const auto* a = reinterpret_cast<const char*>(reinterpret_cast<PyASCIIObject*>(key) + 1);
  const auto* b = reinterpret_cast<const char*>(reinterpret_cast<PyASCIIObject*>(name) + 1);
  return std::memcmp(a, b, static_cast<size_t>(size)) == 0;
}

}  // namespace pretzel
