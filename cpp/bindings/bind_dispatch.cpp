#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "../dispatch.hpp"
#include "arguments.hpp"
#include "gil.hpp"

namespace chainrule {

using namespace nb::literals;

namespace {

#if defined(__clang__)
constexpr const char* COMPILER = "Clang " __clang_version__;
#else
constexpr const char* COMPILER = "GCC " __VERSION__;
#endif

std::vector<std::string> available() {
  std::vector<std::string> names;
  for (const InstructionSet* set : available_instruction_sets()) names.emplace_back(set->name);
  return names;
}

double multiply(bool single, std::int64_t repetitions) {
  const InstructionSet& set = chosen_instruction_set();
  double flops = 0;
  without_gil([&] { flops = (single ? set.float32 : set.float64).multiply(repetitions); });
  return flops;
}

}  // namespace

void bind_dispatch(nb::module_& m) {
  m.def("instructions", [] { return chosen_instruction_set().name; }, "The instruction set in use.");
  m.def("available", available, "The instruction sets this machine can run, fastest first.");
  m.def("compiler", [] { return COMPILER; }, "What built this module.");
  m.def("multiply", multiply, "single"_a, "repetitions"_a,
        "Run the kernel on data in the first-level cache; returns its flops.");
}

}  // namespace chainrule
