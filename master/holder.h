#pragma once

/*
 * holder: who listens on a port, for the one error message that operators meet most often. Reads
 * /proc; best effort.
 */

#include <stddef.h>
#include <stdint.h>

/* "nginx (pid 123)", or a hint how to find out when the process is somebody else's. Returns out. */
const char *holder_of_port(uint16_t port, char *out, size_t cap);
