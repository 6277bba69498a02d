# Every target sets up what it needs: host packages by apt (as root or by sudo), a virtual environment in the tree.

HBAKE = .venv/bin/hbake
IMAGE ?= hadron-image
# Virtual machines at once: without KVM each keeps a core busy, and more at its start.
BOOT_JOBS ?= $(shell echo $$(( ($$(nproc) + 1) / 2 )))
# Which boots, as pytest's -k says it: make test-boot SCENARIOS="disk_boots and bios"
SCENARIOS ?=

.PHONY: help build devel-iso test faults test-boot test-servers test-trusted run-qemu clean

help:
	@echo "make build      build $(IMAGE) from source (about an hour on two cores; from a warm cache, seconds)"
	@echo "make test       all tests, lint, format and types (under ten minutes)"
	@echo "make faults     make every kind of fault to shared state, and write docs/reliability.md (about ten minutes)"
	@echo "make devel-iso  build a medium that boots a live system, and installs"
	@echo "make run-qemu   boot the newest image or ISO in QEMU, after building one if there is none (leave with Ctrl-])"
	@echo "make test-boot  build all images and boot them in QEMU: every scenario, or SCENARIOS=<pytest -k>; and a report"
	@echo "make test-servers  share outputs by real cache servers: buildbox-casd, nginx, bazel-remote (compiled with Go, if there is one)"
	@echo "make test-trusted  build the trusted images, boot them with Secure Boot and a TPM, install, upgrade, tamper with them; and a report"
	@echo "make clean      remove build/; the caches in ~/.cache/hadronbake stay"

build:
	@scripts/setup test build
	$(HBAKE) $(IMAGE)

test:
	@scripts/setup test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/pytest -m "not network and not qemu" -n 2

faults:
	@scripts/setup test
	.venv/bin/python tests/faults/run.py

test-boot:
	@scripts/setup test build qemu
	test -d build/keys/secureboot || $(HBAKE) keys secureboot
	$(HBAKE) hadron-image hadron-iso hadron-image-ab hadron-image-trusted hadron-image-usi hadron-iso-trusted
	tests/boot/build-next
	.venv/bin/pytest -m qemu -n $(BOOT_JOBS) --dist loadgroup $(if $(SCENARIOS),-k "$(SCENARIOS)") tests/boot; \
		status=$$?; .venv/bin/python tests/boot/report.py; exit $$status

devel-iso:
	@scripts/setup test build
	$(HBAKE) hadron-iso

test-trusted:
	@scripts/setup test build qemu
	test -d build/keys/secureboot || $(HBAKE) keys secureboot
	$(HBAKE) hadron-image-trusted hadron-image-usi hadron-iso-trusted
	tests/boot/build-next
	.venv/bin/pytest -m qemu tests/boot/test_trusted.py tests/boot/test_enrol.py tests/boot/test_usi.py tests/boot/test_state.py tests/boot/test_upgrade.py tests/boot/test_power.py; \
		status=$$?; .venv/bin/python tests/boot/report.py; exit $$status

test-servers:
	@scripts/setup test servers
	.venv/bin/pytest -m servers -rs

run-qemu:
	@scripts/setup test build qemu
	@[ -n "$$(ls build/deploy/images/*/*.iso build/deploy/images/*/*.img build/deploy/images/*/*.ext4 2>/dev/null)" ] || $(HBAKE) $(IMAGE)
	$(HBAKE) run

clean:
	rm -rf build
