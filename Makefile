# A face for meson: every target sets up what it needs, also on a machine that
# has nothing yet. "make help" lists them.

BUILD ?= build
LISTEN ?= 127.0.0.1:8010
NINJA = ninja -C $(BUILD)

.PHONY: all run check bench soak lint format install clean help setup-%

all: setup-build
	@scripts/configure $(BUILD) $(MESONFLAGS)
	@$(NINJA)

run: all
	$(BUILD)/tools/a10/a10 serve . --listen $(LISTEN)

check: setup-check
	@scripts/configure $(BUILD) $(MESONFLAGS)
	@$(NINJA)
	@meson test -C $(BUILD) --no-rebuild --print-errorlogs $(TESTS)

bench: setup-bench
	@scripts/configure $(BUILD) $(MESONFLAGS)
	@$(NINJA)
	$(BUILD)/bench/a10-bench --json $(BUILD)/bench.json $(BENCH)

soak: setup-check
	@scripts/configure $(BUILD) $(MESONFLAGS)
	@$(NINJA)
	scripts/soak $(BUILD) "$(SECONDS)" $(SEED)
	A10_TEST_SCALE=100 $(if $(SEED),A10_TEST_SEED=$(SEED)) \
		$(BUILD)/test/tree_test every_child
	A10_TEST_SCALE=100 A10_TEST_SLOW=5 $(BUILD)/test/stack_test a_hundred

lint: setup-lint
	@scripts/configure $(BUILD) $(MESONFLAGS)
	@$(NINJA)
	scripts/lint $(BUILD)

format: setup-lint
	scripts/check-format --write

install: setup-build
	@scripts/configure $(BUILD) $(MESONFLAGS)
	@$(NINJA) installed
	meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf build build-*

setup-%:
	@scripts/setup $*

help:
	@echo 'all      the library, the a10 tool, examples, benchmarks and tests'
	@echo 'run      serve this folder on http://$(LISTEN)'
	@echo 'check    the tests (TESTS=noun: those of one noun)'
	@echo 'bench    the benchmarks (BENCH=arguments)'
	@echo 'soak     tests that run for long (SECONDS=60 SEED=random, or'
	@echo '         OPERATIONS=1000000000; RINGS=2 THREADS=2)'
	@echo 'lint     everything a tool can find'
	@echo 'format   lay out the code'
	@echo 'install  into the prefix of MESONFLAGS, under DESTDIR'
	@echo 'clean    remove the build folders'
