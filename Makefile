# Everything a newcomer or CI types; `make` alone explains.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-gpu web dist models serve light demo test check eval bench up down clean-run lock

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: ## make .venv, the web page and .venv-vllm from the locks (about 10 GB; minutes the first time)
	@bash .scripts/setup.sh app
	@bash .scripts/web.sh
	@bash .scripts/setup.sh vllm

setup-gpu: ## make .venv-vllm-gpu, for the gpu profile on a machine with NVIDIA cards
	@bash .scripts/setup.sh app vllm-gpu

web: ## build the web page; quick when nothing changed
	@bash .scripts/setup.sh app
	@bash .scripts/web.sh

dist: web ## sdist and wheel with the web page, in dist
	.venv/bin/python -m build --no-isolation

models: setup ## fetch and convert the model files that the settings need
	@.venv/bin/assistant models pull

serve: models ## the web page and the API on http://127.0.0.1:8080, with the sample catalogue unless there is another
	@bash .scripts/serve.sh

light: ## the page and the API without vLLM: with the model at ASSISTANT_LLM__BASE_URL, or without a language model
	@bash .scripts/setup.sh light
	@bash .scripts/web.sh
	@bash .scripts/light.sh

demo: models ## answer one question given as text, photo and voice note
	@bash .scripts/demo.sh

test: models ## every test, those on the real models and on real vLLM included
	@bash .scripts/browser.sh
	@bash .scripts/servers.sh
	@bash .scripts/setup.sh flower
	@.venv/bin/assistant models pull efficientnet-lite0 multilingual-e5-small all-minilm-l6-v2 # choices that are no defaults
	@.venv/bin/assistant sample fetch
	.venv/bin/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder

check: setup ## style, types and the direction of imports; the same and unit tests of the web page
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	@bash .scripts/web.sh test

eval: models ## the suites `shop`, `talks`, `media` and `harmless` on the real models, with reports (about an hour on 2 cores, quick when little changed; FULL=1: also without each signal)
	@bash .scripts/eval.sh

bench: models ## measure speed, memory and quality on this machine; prints tables (about 30 minutes on 2 cores)
	@.venv/bin/assistant sample fetch
	.venv/bin/python -m eval.bench

up: models ## start vLLM
	@.venv/bin/assistant llm up

down: ## stop vLLM
	@.venv/bin/assistant llm down

clean-run: down ## stop vLLM and remove its log and process files
	rm -rf .assistant/run

lock: ## write .locks from the environments at hand, after trying newer versions in them
	@bash .scripts/lock.sh
