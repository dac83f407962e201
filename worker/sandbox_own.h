#pragma once

/*
 * sandbox_own: what differs between the program as it is and one that is instrumented to find its
 * own mistakes: sandbox_strict.c or sandbox_sanitized.c.
 */

#define SANDBOX_NO_CALL (-1)

/* Takes away the file system, sockets with names of their own and other processes' signals, as far
 * as the kernel knows how (Landlock). 0 or a negative errno. */
int sandbox_files(void);
/* Calls that are needed beside those of every worker; SANDBOX_NO_CALL ends them. */
const int *sandbox_more(void);
