// Which instruction sets this program holds, which of them this machine has, and which one is used.
#pragma once

#include <vector>

#include "engine.hpp"

namespace chainrule {

// The sets that this machine can run, fastest first.
const std::vector<const InstructionSet*>& available_instruction_sets();

// The fastest one, or the one that the environment variable CHAINRULE_INSTRUCTIONS names. Read once.
const InstructionSet& chosen_instruction_set();

}  // namespace chainrule
