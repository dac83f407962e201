#pragma once

/*
 * issuers: the keys of those whose tokens are verified by keys that are not in the configuration:
 * fetched from a URL, or read from a file that changes. Fetched at the start (nobody waits for it),
 * at every refresh, and when a worker met a key that is not there; never for a request. What was
 * good once stays in force until something good replaces it.
 *
 * A set without a usable key replaces nothing either: it is more often a mistake of the provider
 * than its wish that nobody passes. Whose tokens are to end, all of them, is taken out of the
 * configuration.
 */

#include "config_login.h"
#include "issuer_set.h"

#define ISSUER_COOL_MS 10000 /* after a fetch began, no unknown key causes another one */

struct buf;
struct certificates;
struct config;
struct config_gate;
struct config_issuer;
struct issuers;
struct resolver;
struct uv_loop_s;

struct issuers_ops {
	/* Some issuer has other keys: the next table is to hold them, and then issuers_published
	 * to be called. */
	void (*changed)(void *userdata);
	/* A provider is asked elsewhere than before, or may be asked at last: the next table is to
	 * say so. */
	void (*moved)(void *userdata);
	/* The fetch that workers may wait for is over, and what came of it is in force; until
	 * cool_ms from now there is no other one for them. */
	void (*settled)(void *userdata, uint64_t asked, uint32_t cool_ms);
};

struct issuers *issuers_new(struct uv_loop_s *loop, struct resolver *resolver,
			    const struct issuers_ops *ops, void *userdata);
/* NULL is allowed. May wait for a thread, some milliseconds. Run the loop once more. */
void issuers_free(struct issuers *is);
/* The configuration in force, which lives until the next call. Whoever was there before keeps what
 * is known. */
void issuers_configure(struct issuers *is, const struct config *c);
/* What TLS needs of files; lives until the next call. */
void issuers_secure(struct issuers *is, const struct certificates *files);
/* Every 100 ms. */
void issuers_tick(struct issuers *is, uint64_t now_ms);
/* A worker met a key that is not there. Begins a fetch, unless one is under way. > 0: no, as the
 * last one began a moment ago; not for so many ms. */
uint32_t issuers_ask(struct issuers *is, uint64_t asked);
/* The table in force has the keys that are known. */
void issuers_published(struct issuers *is);

/* What workers name it by; 0: its keys are in the configuration. */
uint64_t issuers_id(const struct config_issuer *i);
/* Its keys; NULL: none are known. `is` may be NULL. */
const struct jwks *issuers_keys(const struct issuers *is, const struct config_issuer *i);

/* Where a provider is asked for this; NULL: it is not known (yet), or there is no such thing. Lasts
 * until the loop goes on. `is` may be NULL. */
const struct config_url *issuers_endpoint(const struct issuers *is, const struct config_issuer *i,
					  enum issuer_endpoint which);
const char *issuers_endpoint_text(const struct issuers *is, const struct config_issuer *i,
				  enum issuer_endpoint which);

/* Is what a provider says of itself being asked for, for the first time, or not in the table yet?
 * Then its tokens can be verified in a moment. `is` may be NULL. */
bool issuers_finding(const struct issuers *is, const struct config_issuer *i);

const char *issuer_endpoint_name(enum issuer_endpoint which); /* "token_endpoint" */

struct issuer_status {
	const struct config_issuer *config;
	size_t keys;
	const struct jwks *jwks; /* NULL: none */
	int64_t fetched_wall;    /* when these keys were last seen at their source; 0: never */
	bool remembered;         /* they are last-known-good ones, of an earlier run */
	bool running;            /* a fetch is */
	uint64_t fetches, failures;
	uint64_t next_ms;  /* until the next one */
	const char *error; /* of the last one; "": it went well */
};
size_t issuers_count(const struct issuers *is);
void issuers_status(const struct issuers *is, size_t i, struct issuer_status *out);

/* Is there anything to be saved? */
bool issuers_saved(const struct issuers *is);
#define ISSUERS_BYTES_MAX ((size_t)16 << 20)
/* issuers_save.c: last-known-good sets, of those that are fetched. What would be written is a new
 * thing when this number is: */
uint64_t issuers_generation(const struct issuers *is);
void issuers_write(const struct issuers *is, struct buf *out);
/* What of it is for issuers of now, and for those of them that know nothing yet. 0 or -EBADMSG. */
int issuers_remember(struct issuers *is, struct slice text) __attribute__((warn_unused_result));
