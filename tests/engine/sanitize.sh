#!/usr/bin/env bash
# Runs the engine's tests on builds with AddressSanitizer and UndefinedBehaviorSanitizer, then ThreadSanitizer.
# Each build gets a copy of the package of its own, found before the installed one. Leaks at exit are the interpreter's.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/.venv/bin:$PATH"
compiler=${CXX:-g++}

run() { # name, sanitizers, runtime library, tests to leave out
  local folder=build/sanitize-$1
  mkdir -p "$folder/site"
  rm -rf "$folder/site/chainrule"
  cp -r src/chainrule "$folder/site/"
  rm -f "$folder"/site/chainrule/engine/_native*.so
  {
    cmake -S . -B "$folder" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
      -DCHAINRULE_SANITIZE="$2" -DPython_EXECUTABLE="$PWD/.venv/bin/python"
    cmake --build "$folder"
    cmake --install "$folder" --prefix "$folder/site"
  } >"$folder.log" 2>&1 || { cat "$folder.log"; exit 1; }
  echo "== $2"
  LD_PRELOAD=$("$compiler" -print-file-name="$3") PYTHONPATH="$PWD/$folder/site" CHAINRULE_REQUIRE_NATIVE=1 \
    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1 \
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m pytest -q -p no:cacheprovider -n 2 tests/engine -k "$4"
}

run address address,undefined libasan.so ""
# ThreadSanitizer follows no forked child of a threaded parent, and delivers signals late.
run thread thread libtsan.so "not fork and not ctrl_c"
