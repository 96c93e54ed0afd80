#!/usr/bin/env bash
# Runs the engine's tests on builds with AddressSanitizer and UndefinedBehaviorSanitizer, then ThreadSanitizer.
# Each build gets a copy of the package of its own. An editable installation has a finder that would find the working
# tree before it, so that is taken away first, and the test is that the right module was loaded. Leaks at exit are the
# interpreter's.
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
  cat >"$folder/site/sitecustomize.py" <<'END'
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("_editable")]
END
  {
    cmake -S . -B "$folder" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
      -DCHAINRULE_SANITIZE="$2" -DPython_EXECUTABLE="$PWD/.venv/bin/python"
    cmake --build "$folder"
    cmake --install "$folder" --prefix "$folder/site"
  } >"$folder.log" 2>&1 || { cat "$folder.log"; exit 1; }
  echo "== $2"
  local libraries=("$("$compiler" -print-file-name="$3")" "$("$compiler" -print-file-name=libstdc++.so)")
  local sanitized=(env LD_PRELOAD="${libraries[*]}" PYTHONPATH="$PWD/$folder/site"
    CHAINRULE_REQUIRE_NATIVE=1 ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    TSAN_OPTIONS=halt_on_error=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python)
  "${sanitized[@]}" -c "from chainrule.engine import _native as n; assert '$folder/' in n.__file__, n.__file__"
  "${sanitized[@]}" -m pytest -q -p no:cacheprovider -n 2 tests/engine -k "$4"
}

run address address,undefined libasan.so ""
# ThreadSanitizer follows no forked child of a threaded parent, and delivers signals late.
run thread thread libtsan.so "not fork and not ctrl_c"
