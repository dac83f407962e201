#pragma once

/* listen: addresses and listening sockets of the upstream and the relay. */

#include <netinet/in.h>
#include <stdbool.h>

/* "ADDRESS:PORT", numeric IPv4; changes the text. */
bool listen_parse(char *text, struct sockaddr_in *address);
/* A non-blocking listening socket on `address`, which gets the port; -1 with errno when it cannot
 * be. `shared`: others may listen there too (SO_REUSEPORT). */
int listen_on(struct sockaddr_in *address, bool shared);
