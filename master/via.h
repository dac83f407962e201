#pragma once

/*
 * via: by which name this gateway is known in Via (RFC 9110 section 7.6.3).
 */

/* "yett-" and eight hexadecimal digits, the same as long as this process lives: over reloads and
 * restarts of workers. It says nothing of the machine. */
const char *via_pseudonym(void);
