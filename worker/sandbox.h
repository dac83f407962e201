#pragma once

/*
 * sandbox: what a worker may ask of the kernel, from before it hears its first message to its end.
 * It was given all descriptors that it starts with, and is sent the others: so it may read, write,
 * connect and wait, and neither open a file nor start a program nor reach another process. Who
 * takes a worker over has what the worker has, and no more.
 *
 * A call that is not listed is not there (ENOSYS), as on an older kernel: libraries know what to do
 * then. One that only an attacker makes ends the process (SIGSYS), which the master tells of.
 */

#include "shm/board.h"

/* Before the first loop, and while there is one thread. Which one is for us stands in the
 * environment variable YETT_SANDBOX: "traffic", "admin" (which connects to nobody) or "off". */
enum board_sandbox sandbox_enter(void);
