#pragma once

/*
 * access_syslog: lines of the access log as messages of syslog (RFC 5424), a datagram each, to the
 * socket that the master has connected.
 */

#include <stdbool.h>
#include <sys/types.h>

struct worker;

/* Is this descriptor a socket of datagrams? Then it notes who is to get them. */
bool access_syslog_open(struct worker *w, int fd);
/* Sends lines from the start of the worker's `log`, without waiting. As write(2): how many bytes of
 * it are dealt with; a line that no datagram holds is lost and counted. */
ssize_t access_syslog_write(struct worker *w);
