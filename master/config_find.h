#pragma once

/*
 * config_find: which file is the configuration, where a command line names none: that of
 * $CONFIG_LOCATION (the file, or the folder that it is in), else a-shine's gateway.conf.yaml or
 * gateway.conf.yml in the working directory, else that of the shipped unit, else config.yaml of
 * Renku's gateway in /etc/gateway or the working directory.
 */

#include "lib/buf.h"

/* `given`: what the command line names; NULL: nothing. A text that lives until `held` goes; or
 * NULL: there is none, and what was looked for is told on stderr behind "yett COMMAND: ". */
const char *config_find(const char *command, const char *given, struct buf *held);
