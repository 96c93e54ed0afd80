#include "dispatch.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace chainrule {

#if defined(__x86_64__)
namespace avx512 {
extern const InstructionSet instruction_set;
}
namespace avx2 {
extern const InstructionSet instruction_set;
}
#endif
#if defined(__ARM_NEON)
namespace neon {
extern const InstructionSet instruction_set;
}
#else
namespace baseline {
extern const InstructionSet instruction_set;
}
#endif

const std::vector<const InstructionSet*>& available_instruction_sets() {
  static const std::vector<const InstructionSet*> sets = [] {
    std::vector<const InstructionSet*> found;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")) {
      found.push_back(&avx512::instruction_set);
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2::instruction_set);
#endif
#if defined(__ARM_NEON)
    found.push_back(&neon::instruction_set);
#else
    found.push_back(&baseline::instruction_set);
#endif
    return found;
  }();
  return sets;
}

const InstructionSet& chosen_instruction_set() {
  static const InstructionSet& chosen = []() -> const InstructionSet& {
    const char* wanted = std::getenv("CHAINRULE_INSTRUCTIONS");
    if (!wanted || !*wanted) return *available_instruction_sets().front();
    std::string known;
    for (const InstructionSet* set : available_instruction_sets()) {
      if (std::string(wanted) == set->name) return *set;
      known += std::string(known.empty() ? "" : ", ") + set->name;
    }
    throw std::invalid_argument("CHAINRULE_INSTRUCTIONS must be one of " + known + " on this machine, got " + wanted +
                                ". Unset it to use the fastest.");
  }();
  return chosen;
}

}  // namespace chainrule
