# make course   set up, build, grade the example class, write report and feedback
# make lab      open the lessons in JupyterLab, as students see them
# make bundle   the zip for students, in build/
# make site     the web site of lessons and documents, in build/site
# make slides   slides of the lessons for teaching in class, in build/slides
# make formgrade  give points for the open questions of the graded class
# make test     all tests          make quick   the one-minute subset
# make lint     style and types    make lock    renew requirements.lock.txt (needs uv)
# make peers    compare with PyMC and NumPyro, in an environment of their own (1.5 GB)
# make reference  sample the reference posteriors of tests/posteriors again
# make clean    forget what was set up and graded

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := .venv-peers
PEERS_LOCK := tests/peers/requirements.lock.txt
UV := $(shell command -v uv 2>/dev/null)
export PYTHONHASHSEED := 0
# The lessons' arrays are small: more threads than one only get in each other's way.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

.PHONY: course lab bundle site slides formgrade test quick lint peers reference lock clean setup

course: setup
	$(BIN)/autograder build
	$(BIN)/autograder example-class out/example-class
	$(BIN)/autograder grade out/example-class/handins --out out --example

lab: setup
	$(BIN)/autograder progress lessons --page
	JUPYTER_CONFIG_PATH="$(CURDIR)/.jupyter" $(BIN)/jupyter lab --notebook-dir=lessons \
		$(if $(filter 0,$(shell id -u)),--allow-root)

bundle: setup
	$(BIN)/autograder bundle

site: setup
	$(BIN)/python docs/site/assemble.py build/pages $(if $(REPOSITORY),--repository $(REPOSITORY))
	$(BIN)/sphinx-build -q -W --keep-going -j auto -b html -c docs/site build/pages build/site
	@echo "Open build/site/index.html"

slides: setup
	$(BIN)/python docs/slides.py build/slides

formgrade: setup
	$(BIN)/autograder formgrade --out out

test: setup lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --nbval \
		--nbval-sanitize-with tests/notebooks/sanitize.cfg -p no:warnings solutions

quick: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not browser" --sample 5 tests

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

peers: $(PEERS)/.ready
	$(PEERS)/bin/python -m pytest tests/peers

reference: $(PEERS)/.ready
	PYTHONPATH=.:tests $(PEERS)/bin/python -m posteriors.make_reference
	PYTHONPATH=.:tests $(PEERS)/bin/python -m posteriors.make_nuts_draws

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

$(PEERS)/.ready: $(PEERS_LOCK)
ifdef UV
	test -d $(PEERS) || $(UV) venv --quiet --python $(PYTHON) $(PEERS)
	VIRTUAL_ENV=$(PEERS) $(UV) pip install --quiet --require-hashes -r $(PEERS_LOCK)
else
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --require-hashes -r $(PEERS_LOCK)
endif
	touch $@

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

lock:
	$(COMPILE) --extra instructor --extra dev pyproject.toml --output-file requirements.lock.txt
	$(COMPILE) --extra peers pyproject.toml --output-file $(PEERS_LOCK)

clean:
	rm -rf $(VENV) $(PEERS) out build *.egg-info
