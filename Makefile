# make course   set up, build, grade the example class, write report and feedback
# make lab      open the lessons in JupyterLab, as students see them
# make test     all tests          make quick   the one-minute subset
# make lint     style and types    make lock    renew requirements.lock.txt (needs uv)
# make clean    forget what was set up and graded

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := $(shell command -v uv 2>/dev/null)
export PYTHONHASHSEED := 0
# The lessons' arrays are small: more threads than one only get in each other's way.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

.PHONY: course lab test quick lint lock clean setup

course: setup
	$(BIN)/autograder build
	$(BIN)/autograder example-class out/example-class
	$(BIN)/autograder grade out/example-class/handins --out out --example

lab: setup
	JUPYTER_CONFIG_PATH="$(CURDIR)/.jupyter" $(BIN)/jupyter lab --notebook-dir=lessons \
		$(if $(filter 0,$(shell id -u)),--allow-root)

test: setup lint
	$(BIN)/python -m pytest -n 2 --dist loadfile tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --nbval \
		--nbval-sanitize-with tests/notebooks/sanitize.cfg -p no:warnings solutions

quick: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not browser" tests

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: $(READY)

$(READY): requirements.lock.txt pyproject.toml
ifdef UV
	test -d $(VENV) || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --require-hashes -r requirements.lock.txt
	VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
endif
	touch $@

lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras \
		--no-header pyproject.toml --output-file requirements.lock.txt

clean:
	rm -rf $(VENV) out build *.egg-info
