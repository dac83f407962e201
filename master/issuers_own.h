#pragma once

/*
 * issuers_own: one issuer, between issuers.c, issuers_fetch.c and issuers_save.c.
 */

#include "fetch.h"
#include "file.h"
#include "issuers.h"
#include "watch.h"

#include "lib/arena.h"

struct json;

struct issuer_found { /* by discovery */
	struct arena arena;
	struct config_url keys;
	const char *text[ISSUER_ENDPOINTS]; /* NULL: it names none */
	struct config_url url[ISSUER_ENDPOINTS];
	uint64_t until_ms; /* 0: it is to be asked again */
};

struct issuer {
	struct issuers *of;
	uint64_t id;
	const struct config_issuer *config;
	bool named; /* by the configuration that is being taken over */

	bool known; /* there is a set */
	struct issuer_set set;
	int64_t fetched_wall;
	bool remembered;

	struct fetch *fetch; /* one of these three while a fetch is under way */
	struct issuer_work *work;
	bool running;
	bool unpublished;    /* the set is not in the table yet: whoever waits, waits on */
	uint64_t started_ms; /* of the last one; 0: there was none */
	uint64_t next_ms;
	unsigned failed; /* in a row */
	uint64_t fetches, failures;
	char error[320];

	struct issuer_found found;

	struct file_stamp stamp; /* of the file */
};

struct issuers {
	uv_loop_t *loop;
	struct resolver *resolver;
	const struct issuers_ops *ops;
	void *userdata;
	const struct certificates *files;
	struct watch *watch;
	uint64_t look_ms; /* when the files are looked at */
	struct issuer **all;
	size_t count;
	uint64_t generation;
	uint64_t random;
};

/* issuers_find.c: NULL: there is no such one. `is` may be NULL. */
struct issuer *issuer_find(const struct issuers *is, uint64_t id);
/* issuers_fetch.c */
void issuer_fetch(struct issuer *i);
void issuer_stop(struct issuer *i, bool wait);
/* issuers.c: what came of a fetch, or of a file. */
void issuer_adopt(struct issuer *i, struct issuer_set *set);
void issuer_fail(struct issuer *i, const char *what, const char *why);
void issuer_refuse(struct issuer *i, const char *what, const char *why,
		   const struct issuer_set *set);
/* issuers_endpoints.c: of a document of discovery, or of one that issuer_endpoints_write wrote,
 * into `out`, whose arena it is. NULL, or what is wrong with one of them. */
const char *issuer_endpoints_read(const struct issuer *i, const struct json *root,
				  struct issuer_found *out) __attribute__((warn_unused_result));
bool issuer_endpoints_same(const struct issuer_found *a, const struct issuer_found *b);
void issuer_endpoints_write(const struct issuer *i, struct buf *out);
/* issuers_file.c: takes over what was read with the configuration; looks whether it has changed. */
void issuer_begin_file(struct issuer *i);
void issuer_look(struct issuer *i);
void issuers_watch(struct issuers *is);
void issuers_heard(void *userdata); /* of a change; of struct issuers */
