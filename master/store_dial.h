#pragma once

/*
 * store_dial: where the Redis server of a configuration is: its address, after a question to the
 * resolver where it stands under a name. Connects to nothing.
 */

#include "config.h"
#include "resolve.h"

#include <sys/socket.h>

struct dial_question;

struct store_dial {
	struct resolver *resolver;
	/* One of the two is called for each dial_start, perhaps from within it. */
	void (*found)(void *userdata, const struct sockaddr *address);
	void (*failed)(void *userdata, const char *reason);
	void *userdata;
	uint16_t port;
	struct dial_question *question; /* NULL: none is asked */
};

void dial_start(struct store_dial *d, const struct config_address *a);
/* Nothing is called any more. */
void dial_stop(struct store_dial *d);
/* Parts of the question that follows. */
bool dial_tls_differs(bool a_secure, const struct config_upstream_tls *a, bool b_secure,
		      const struct config_upstream_tls *b);
bool dial_login_differs(const char *a_name, const struct config_secret *a, const char *b_name,
			const struct config_secret *b);
bool dial_seek_differs(const struct config_seek *a, const struct config_seek *b);
/* Is it another server, or another way to it or into it? */
bool dial_differs(const struct config_redis *a, const struct config_redis *b);
