# Needs only Python 3.11 or newer and a C++20 compiler: each target makes the environment it runs in.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
BINDINGS := $(wildcard pretzel/_native/bindings/*.p??)
NATIVE := $(wildcard pretzel/_native/*/*.cpp pretzel/_native/*/*.h)

# Warnings are errors here; whoever installs the package with another compiler only sees them.
export PRETZEL_WERROR := 1

# checkout.pth makes `benchmarks` importable behind site-packages, so that the installed `pretzel` is the one imported.
.PHONY: demo test test-peers run-peers test-engines run-engines test-releases test-release test-without-pyarrow bench sanitize lint docs data protocol install clean

demo: install $(VENV)/.data
	$(PY) -m benchmarks.data || true
	PYTHONSAFEPATH=1 $(PY) -m benchmarks.demo

IN_TWO := -n 2 --dist loadfile

# The tests see the installed wheel: they run from a folder beside which there is no pretzel/. Two processes share them,
# file by file, because a file makes what its tests share.
test: install $(VENV)/.test
	$(PY) -m benchmarks.data || true
	cd tests && PRETZEL_TEST_INSTALLED=1 ../$(PY) -m pytest -q $(IN_TWO)

# The wheel answers as older releases of scikit-learn do; `RELEASE_TESTS=...` selects fewer tests.
RELEASE_TESTS := test_parity.py oven test_missing_and_odd_values.py test_mixed_tables.py test_random_pipelines.py
BESIDE := pandas pyarrow polars pytest pytest-timeout pytest-xdist hypothesis cloudpickle

test-releases: install
	$(MAKE) VENV=.venv-1.5 PINS="scikit-learn==1.5.2 pandas==2.2.3 sklearn-pandas six" test-release
	$(MAKE) VENV=.venv-1.7 PINS="scikit-learn==1.7.2" test-release

test-release: $(VENV)/.base
	$(PY) -m pip install -q $(PINS) $(BESIDE)
	$(PY) -m pip install -q --no-deps --force-reinstall build/wheel/pretzel_serving-*.whl
	cd tests && PRETZEL_TEST_INSTALLED=1 ../$(PY) -m pytest -q $(IN_TWO) $(RELEASE_TESTS)

# The wheel beside NumPy, SciPy, scikit-learn and pandas alone.
BARE_TESTS := test_without_pyarrow.py test_examples.py test_schema.py \
    $(addprefix runtime/input/test_,dataframe.py feature_names.py messages.py row_reader.py)

test-without-pyarrow: install
	$(MAKE) VENV=.venv-bare PINS="scikit-learn==1.9.*" BESIDE="pandas pytest pytest-timeout" \
	    IN_TWO= RELEASE_TESTS="$(BARE_TESTS)" test-release

# The wheel beside Ray, Spark (which needs Java 17), Beam and BentoML, one after the other, because each takes all cores.
test-engines: install
	$(MAKE) VENV=.venv-engines run-engines

run-engines: $(VENV)/.engines
	$(PY) -m pip install -q --no-deps --force-reinstall build/wheel/pretzel_serving-*.whl
	cd tests && PRETZEL_TEST_INSTALLED=1 ../$(PY) -m pytest -q engines

# The wheel beside KServe's clients and MLServer, which need an older pandas.
test-peers: install
	$(MAKE) VENV=.venv-peers run-peers

run-peers: $(VENV)/.peers
	$(PY) -m pip install -q --no-deps --force-reinstall build/wheel/pretzel_serving-*.whl
	cd tests && PRETZEL_TEST_INSTALLED=1 ../$(PY) -m pytest -q peers

# Address and undefined-behaviour sanitizers; the zoo only repeats at length what the other tests cover.
sanitize: export PRETZEL_SANITIZE := address,undefined
sanitize: install $(VENV)/.test
	cd tests && PRETZEL_TEST_INSTALLED=1 ASAN_OPTIONS=detect_leaks=0 \
	    LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libubsan.so)" \
	    ../$(PY) -m pytest -q -s -p no:faulthandler --ignore=zoo --ignore=packaging

lint: $(VENV)/.lint
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy --strict pretzel
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" cython-lint $(BINDINGS)
	$(VENV)/bin/clang-format --dry-run -Werror $(NATIVE)
	$(VENV)/bin/cibuildwheel --platform linux --archs x86_64,aarch64 --print-build-identifiers

# Pages, with the examples of docs/gallery run and the table of what is native; a warning is an error.
docs: install $(VENV)/.test $(VENV)/.docs
	PYTHONSAFEPATH=1 $(PY) -m sphinx -q -W --keep-going -b html -d build/doctrees docs build/docs

# What the measurements compare with, and what draws and records them.
bench: install $(VENV)/.bench

# The descriptors of the messages of gRPC, from the protocols beside them.
protocol: $(VENV)/.test
	PYTHONPATH=. $(PY) -m tests.serving.descriptors

data: $(VENV)/.base
	$(PY) -m benchmarks.data

# Sources that are gone must not linger in the wheel, so its tree is laid out anew; objects are reused.
install: $(VENV)/.sklearn
	rm -rf build/lib* build/bdist* build/wheel
	$(PY) -m pip wheel -q --no-deps --no-build-isolation --wheel-dir build/wheel .
	$(PY) -m pip install -q --no-deps --force-reinstall build/wheel/pretzel_serving-*.whl

$(VENV)/.base:
	$(PYTHON) -m venv $(VENV)
	echo "$(CURDIR)" > "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/checkout.pth"
	touch $@

# One stamp per extra of pyproject.toml; `build` stands for the build requirements.
$(VENV)/.%: pyproject.toml | $(VENV)/.base
	$(PY) -c "$$REQUIREMENTS" $* > $(VENV)/$*.txt
	$(PY) -m pip install -q -r $(VENV)/$*.txt
	touch $@

define REQUIREMENTS
import sys, tomllib
with open("pyproject.toml", "rb") as file:
    table = tomllib.load(file)
extras = table["project"]["optional-dependencies"]
def expand(requirements):
    for requirement in requirements:
        if requirement.startswith("pretzel-serving["):
            for extra in requirement.removesuffix("]").partition("[")[2].split(","):
                yield from expand(extras[extra])
        else:
            yield requirement
print(*table["build-system"]["requires"], *table["project"]["dependencies"], *expand(extras[sys.argv[1]]), sep="\n")
endef
export REQUIREMENTS

clean:
	rm -rf build dist $(VENV) $(VENV)-* *.egg-info
