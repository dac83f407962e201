#pragma once

/*
 * command_output: what a command prints, watched from outside. A command that fails tells why on
 * standard error and prints nothing; with --json that becomes an object, so that a script reads one
 * form. A command whose output could not be written has failed. What is told on standard error
 * moves no cursor: it quotes files and keys.
 */

#include <stdbool.h>

void command_output_begin(bool json);
/* The exit status of the whole: `status`, unless the output went nowhere. */
int command_output_end(int status, bool json);
