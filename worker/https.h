#pragma once

/*
 * https: which scheme a client has asked by, and what the gateway says about it of its own: the
 * redirect of what comes in clear, and Strict-Transport-Security.
 */

#include "lib/slice.h"

struct request;

/* "https" or "http": as a proxy that is believed says it, else by the connection. */
struct slice https_scheme(struct request *r);
/* Answers who came in clear and should not have; false: it goes on. What certificates are proved by
 * (RFC 8555 section 8.3) is left alone: it is asked for in clear. */
bool https_redirects(struct request *r);
/* Strict-Transport-Security of the answer (RFC 6797), empty: none. */
struct slice https_strict(const struct request *r);
