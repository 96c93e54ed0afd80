// Runs a job on a team of threads that live as long as the job: nothing is left to survive a fork or an exit.
#pragma once

#include "engine.hpp"
#include "memory.hpp"

namespace chainrule {

void run(Job& job, const Engine& engine, Memory& memory);

}  // namespace chainrule
