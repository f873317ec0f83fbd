# What to type: `make run` to try the portal, `make test` to prove it, `make check` before a commit.
# `make test ALL=1` adds Firefox, all of PostgreSQL and the fault runs; `make test TESTS=tests/unit` is a part;
# `make faults` runs for long, and every case of every test on PostgreSQL.
# `make bench PART=doors` measures a part that `make bench` leaves out: citizens, costs,
# doors, journal, long_form or uploads.
# `make grow N=1000000` fills a database with so many drafts and measures the portal there, beside one with a thousand.
# `make judge` lets Wapiti, sqlmap, a CSP evaluator and bandit look for holes.
# The environment lives in .venv; a second call finds its stamp and starts at once.

VENV := .venv
PYTHON := $(VENV)/bin/python
RUN_READY := $(VENV)/ready-to-run
COMPILED := $(VENV)/compiled
TEST_READY := $(VENV)/ready-to-test
UV_LOCK := uv pip compile --universal --python-version=3.11 --generate-hashes
PYBABEL := $(VENV)/bin/pybabel
CATALOGUES := portal/translations
TEXTS := $(VENV)/messages.pot
JUDGES := .venv-judge
JUDGES_READY := $(JUDGES)/ready

.PHONY: install run test check bench grow faults judge pictures translations lock browser nginx
.DELETE_ON_ERROR:

install: $(COMPILED)

# Compiled modules are kept, whatever the shell says: they halve the time of every later start.
run: $(RUN_READY)
	@PYTHONDONTWRITEBYTECODE= exec $(PYTHON) -m portal.commands.run

test: $(TEST_READY) browser nginx
	@exec $(PYTHON) -m pytest -q $(if $(ALL),--all,--ignore=tests/faults) $(if $(TESTS),,$(WHOLE_RUN)) \
		-n $$($(PYTHON) -c "$$TEST_WORKERS") $$($(PYTHON) -c "$$ASSERTIONS") $(TESTS)

check: $(TEST_READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check --quiet .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/djlint templates --lint --quiet
	$(VENV)/bin/oxlint static/js
	@$(PYTHON) -m pytest -q tests/architecture/test_requirements.py tests/unit/look/test_vendor.py

bench: $(TEST_READY)
	@exec $(PYTHON) -m tests.bench$(if $(PART),.$(PART))

grow: $(TEST_READY)
	@N=$(N) exec $(PYTHON) -m tests.bench.grow

faults: ALL = 1
faults: $(TEST_READY) browser
	@broken=0; for run in tests.faults tests.faults.stories tests.browser.back; do \
		$(PYTHON) -W ignore -m $$run || broken=1; done; \
	for tests in "-k postgresql tests/integration tests/journeys" \
			tests/any_form "-k sqlite tests/integration/attacks/test_holders.py"; do \
		FORMS_TRIED=$${FORMS_TRIED:-100} $(PYTHON) -m pytest -q --twice -n $$($(PYTHON) -c "$$TEST_WORKERS") \
			$$($(PYTHON) -c "$$ASSERTIONS") $$tests || broken=1; done; exit $$broken

judge: $(TEST_READY) $(JUDGES_READY)
	@exec $(PYTHON) -m tests.judge $(JUDGES)

pictures: $(TEST_READY) browser
	@exec $(PYTHON) -m tests.browser.pictures

# Which files are read, and which texts are for staff alone, stands in pyproject.toml.
translations: $(RUN_READY)
	@$(PYBABEL) --quiet extract --mapping-file pyproject.toml --keywords "lazy_gettext mark" --add-location file --sort-by-file \
	  --output-file $(TEXTS) .
	@$(PYBABEL) --quiet update --input-file $(TEXTS) --output-dir $(CATALOGUES) --no-fuzzy-matching --ignore-obsolete \
	  --ignore-pot-creation-date --width 120
	@$(PYBABEL) compile --directory $(CATALOGUES) --statistics

lock:
	$(UV_LOCK) --output-file=requirements.txt pyproject.toml
	$(UV_LOCK) --extra=dev --constraint=requirements.txt --output-file=requirements-dev.txt pyproject.toml
	$(UV_LOCK) --output-file=tests/judge/requirements.txt tests/judge/requirements.in

# What is installed for `make run` compiles itself as it is first used; a server may not be allowed to write that down.
$(RUN_READY): requirements.txt
	@set -- requirements.txt; eval "$$INSTALL"
	@touch $@

$(COMPILED): $(RUN_READY)
	@set -- --compile; eval "$$INSTALL"
	@touch $@

$(TEST_READY): requirements.txt requirements-dev.txt
	@set -- requirements-dev.txt --compile; eval "$$INSTALL"
	@touch $(RUN_READY) $(COMPILED) $@

# The judges have an environment of their own, as they need older packages than the portal; some are no wheels.
$(JUDGES_READY): tests/judge/requirements.txt tests/judge/package-lock.json | $(TEST_READY)
	@echo "Installing the judges …"
	@$(PYTHON) -m venv --clear $(JUDGES)
	@$(JUDGES)/bin/python -m pip install --quiet --no-input --require-hashes -r tests/judge/requirements.txt
	@cp tests/judge/package.json tests/judge/package-lock.json $(JUDGES)
	@$(JUDGES)/bin/npm ci --silent --prefix $(JUDGES)
	@touch $@

browser: $(TEST_READY)
	@eval "$$FIND_BROWSER"

nginx: $(TEST_READY)
	@eval "$$FIND_NGINX"

WHOLE_RUN = --durations 20 --limit $(if $(ALL),10,6)

# Many tests wait for a browser or for processes, so two more than there are processors keep those at work.
define TEST_WORKERS
import os
print(min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 6) + 2)
endef
export TEST_WORKERS

# CPython 3.11 before 3.11.8 sometimes fails to compile rewritten assertions.
define ASSERTIONS
import sys
print("--assert=plain" if (3, 11) <= sys.version_info < (3, 11, 8) else "")
endef
export ASSERTIONS

# Any Python that runs and is new enough can start the installer, which looks for the best one.
define INSTALL
for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
  "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
  exec "$$candidate" -m portal.commands.install "$$@"
done
echo "The portal needs Python 3.11 or newer. On Debian or Ubuntu: apt-get install python3 python3-venv" >&2
exit 1
endef
export INSTALL

# A Chromium for the browser tests, its shell without windows where there is one, a Firefox for all tests, and libfaketime
# for one smoke test: there already, or brought where that is allowed.
define FIND_BROWSER
has() { command -v "$$1" >/dev/null 2>&1; }
has_chromium() { [ -x /usr/bin/chromium ]; }
has_firefox() { [ -z "$(ALL)" ] || [ -x /usr/bin/firefox-esr ]; }
has_browser() { "has_$$1" || $(PYTHON) -m playwright install "$$1" >/dev/null 2>&1; }
has_file() { for file in "$$@"; do [ -e "$$file" ] && return 0; done; return 1; }
wanted=
has_chromium || wanted="chromium fonts-liberation"
has_firefox || wanted="$$wanted firefox-esr"
has_file /usr/lib/*/libatomic.so.1 /usr/lib*/libatomic.so.1 || wanted="$$wanted libatomic1"
has_file /usr/lib/*/faketime/libfaketimeMT.so.1 || wanted="$$wanted faketime"
as_root=no
[ "$$(id -u)" = 0 ] && as_root=
[ "$$as_root" = no ] && sudo -n true 2>/dev/null && as_root="sudo -n"
[ -x /usr/bin/chromium-headless-shell ] || ! has apt-cache || [ -z "$$(apt-cache pkgnames chromium-headless-shell)" ] ||
  wanted="$$wanted chromium-headless-shell"
if [ -n "$$wanted" ] && [ "$$as_root" != no ] && has apt-get; then
  echo "Installing for the browser tests: $$wanted …"
  export DEBIAN_FRONTEND=noninteractive
  { $$as_root apt-get update -qq && $$as_root apt-get install -y -qq --no-install-recommends $$wanted; } >/dev/null 2>&1 ||
    echo "apt-get could not install: $$wanted" >&2
fi
has_browser chromium && has_browser firefox && exit 0
echo "There is no browser for some tests. On Debian: apt-get install chromium libatomic1 fonts-liberation $(if $(ALL),firefox-esr)" >&2
[ "$$REQUIRE_BROWSER" != 1 ]
endef
export FIND_BROWSER

# An nginx to try the example of docs/deploy on: there already, or Debian's, unpacked beside the environment and not installed.
define FIND_NGINX
folder="$(VENV)/nginx"
command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ] || [ -x "$$folder/usr/sbin/nginx" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1; then
  mkdir -p "$$folder"
  (cd "$$folder" && apt-get download -qq nginx && dpkg-deb -x nginx_*.deb . && rm nginx_*.deb) >/dev/null 2>&1
  "$$folder/usr/sbin/nginx" -v >/dev/null 2>&1 && exit 0
  rm -rf "$$folder"
fi
echo "There is no nginx: the test of docs/deploy/nginx.conf is left out. On Debian or Ubuntu: apt-get install nginx" >&2
endef
export FIND_NGINX
