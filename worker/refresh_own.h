#pragma once

/*
 * refresh_own: what the parts of refresh.c share.
 */

#include "refresh.h"
#include "refresh_script.h"
#include "session.h"

#include "lib/list.h"
#include "lib/map.h"
#include "shm/message.h"

#define REFRESH_WAIT_MS 10000u /* a request waits so long for a token, at most */
#define REFRESH_WAITING_MAX 4096

struct exchange_answer;

/* One provider as this worker finds it. */
struct refresh_provider {
	unsigned fails;    /* in a row */
	uint64_t until_ms; /* it is left alone */
	uint64_t told_ms;  /* a line was logged */
};

struct refreshes {
	struct worker *worker;
	struct map flights;        /* struct refresh, by tid */
	struct list all;           /* the same and the adopted ones */
	struct map exchanged;      /* struct exchanged, by what was asked for */
	struct list exchanged_lru; /* the oldest first */
	struct refresh_provider providers[PROVIDERS_MAX];
};

enum refresh_phase {
	REFRESH_LOOKING, /* at what Redis has */
	REFRESH_PAUSING, /* somebody else is at it */
	REFRESH_TAKING,  /* the lock */
	REFRESH_ASKING,  /* the provider */
	REFRESH_STORING, /* what it said */
	REFRESH_SETTLED  /* until the timer: what came of it */
};

struct refresh {
	struct list link;
	struct refreshes *of;
	enum refresh_phase phase;
	bool adopted; /* of another worker: no request waits for it */
	uint32_t provider;
	char name[EXCHANGE_PROVIDER_MAX]; /* of it */
	struct refresh_lock lock;
	char *tid;   /* lock.tid */
	int64_t had; /* end of the token that was not good enough */
	uint32_t margin_s;
	struct timer timer;
	uint64_t until_ms; /* others are waited for */
	uint64_t taken_ms; /* the lock was asked for */
	struct store_call *call;
	struct buf sealed; /* the refresh token, while the lock is taken */
	struct exchange *exchange;
	struct token_answer answer; /* to be stored */
	bool told;                  /* that it cannot be */
	/* settled: */
	enum token_outcome outcome;
	struct buf bytes;           /* of: */
	struct session_token token; /* granted */
};

struct refreshes *refreshes_of(struct worker *w);

/* ---- refresh_flight.c ---- */

/* Of zeros. */
struct refresh *refresh_new(struct refreshes *all);
/* The one of this token, begun if there is none. */
struct refresh *refresh_begin(struct refreshes *all, const struct session_token *t,
			      uint32_t provider, struct slice name, uint32_t margin_s);
void refresh_look_again(struct refresh *f, uint32_t ms);
void refresh_settle(struct refresh *f, enum token_outcome outcome, uint64_t ms);
void refresh_free(struct refresh *f);

/* ---- refresh_ask.c ---- */

/* The lock is ours. `token`: as it stands in Redis, sealed. */
void refresh_ask(struct refresh *f, struct slice token);
/* The timer, while we ask and store. */
void refresh_ask_tick(struct refresh *f);
/* The lock stays ours for a while. */
void refresh_hold(struct refresh *f);
/* exchange_fn. */
void refresh_answered(void *userdata, const struct exchange_answer *answer);

/* ---- refresh_adopt.c ---- */

/* What whoever goes on with it has to know, appended. */
void refresh_context(const struct refresh *f, struct buf *out);

/* ---- refresh_provider.c ---- */

/* ms that it is to be left alone, for what it said; it is logged, not too often. */
uint64_t refresh_failed(struct refreshes *all, uint32_t provider, const char *name,
			enum token_outcome outcome, const struct token_answer *a, uint32_t retry_s);
/* A line for the operator, not too often. `what`: "refresh" or another word. */
void refresh_tell(struct refreshes *all, uint32_t provider, const char *what, const char *name,
		  enum token_outcome outcome, const char *why);
void refresh_granted(struct refreshes *all, uint32_t provider);
/* Is it left alone? */
bool refresh_rests(struct refreshes *all, uint32_t provider);
/* ms, by up to a quarter less: many do not do the same at one moment. */
uint32_t refresh_jitter(struct worker *w, uint32_t ms);
