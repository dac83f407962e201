#pragma once

/*
 * rules: routes and upstreams in source form, whatever they came from; what the compiler reads. The
 * file's rules come from struct config; Redis' rules are kept here between fetches, each with its
 * last good version.
 */

#include "config.h"
#include "config_rule.h"
#include "digest.h"

#include <stdbool.h>

struct delta;
struct revision;

enum rules_source { SOURCE_FILE, SOURCE_RULE, SOURCE_REDX }; /* in the order in which they win */

#define RULES_NAME_MAX 1024   /* bytes of a url, a backend's name, a server or a setting's name */
#define RULES_VALUE_MAX 65536 /* bytes of a value */
#define RULES_SERVERS_MAX 10000
#define RULES_KEY_MAX (RULES_NAME_MAX + 16) /* with "frontend:" before it */

/* One backend of redx: a server list with scores, and _config values. */
struct rules_server {
	char *text;                      /* as in Redis */
	struct config_endpoint endpoint; /* parsed; strings malloc'd, owned here */
	double score;
};

struct rules_backend {
	char *name;
	struct rules_server *servers;
	size_t servers_count;
	char **config;       /* name, value, name, value */
	size_t config_count; /* pairs */
	unsigned shared;     /* sets that hold it beside the first (rules_copy) */
	uint32_t met;        /* rules_meet */
};

/* One frontend of redx: `url` as stored, backend name. There may be a million of them: one piece of
 * memory each, and the name of a backend once for all that lead to it. */
struct rules_frontend {
	const char *backend;
	uint32_t url_n, backend_n; /* their lengths: the compiler asks for those of all */
	uint32_t shared, met;      /* as above */
	char url[];
};

/* "file", "rule", "redis". */
const char *rules_source_name(enum rules_source source);

/* One native rule: a JSON object under "yett:route:<name>", "yett:upstream:<name>",
 * "yett:policy:<name>" or "yett:key:<name>". */
struct rules_native;

/* Why a stored key is not in force. */
struct rules_refusal {
	char *key; /* "backend:x", "frontend:y/"; cut behind RULES_KEY_MAX bytes; may hold NULs */
	size_t key_n;
	char *reason; /* with the remedy */
	bool kept;    /* its last good version stays in force */
	bool lost;    /* it may have one, which is not known here; never together with `kept` */
	struct rules_native
	    *native;  /* the value that is refused, of a native rule; NULL: it is not known */
	uint32_t met; /* rules_meet */
};

/* The rules of Redis: owned by the store, borrowed by the compiler. Keyed maps by name. */
struct rules;

struct rules *rules_new(void);
/* The same rules, refusals and generation once more. Its changes begin with it. What neither
 * changes they share, so both belong to one thread. */
struct rules *rules_copy(const struct rules *r);
/* What becomes of these rules, to be brought in by rules_replace: it has what differs alone, so
 * that it costs as much as changes, and has to end before r does. It is read by name, not by index.
 */
struct rules *rules_draft(const struct rules *r);
/* Has anything changed in a draft? */
bool rules_differ(const struct rules *draft);
void rules_free(struct rules *r);

/* Raw facts as they come from Redis. Each says whether the set in force changed (1), did not (0),
 * or that the value was refused (-1: recorded as a refusal; the last good version, if any, stays).
 * value.p == NULL deletes. */
int rules_set_frontend(struct rules *r, struct slice url, struct slice backend);
int rules_delete_frontend(struct rules *r, struct slice url);
/* fields: name, value, name, value... as HGETALL gives them. */
int rules_set_backend(struct rules *r, struct slice name, const struct slice *fields, size_t count);
int rules_delete_backend(struct rules *r, struct slice name);
/* `json` as it is stored; what is wrong with it is told as `yett check` does. */
int rules_set_native(struct rules *r, enum native_kind kind, struct slice name, struct slice json);
int rules_delete_native(struct rules *r, enum native_kind kind, struct slice name);
/* A key that exists but cannot be read (WRONGTYPE, too large): refused with this reason. */
int rules_refuse(struct rules *r, struct slice key, const char *reason);

/* All that the store holds is here: a key that is new from now on had no good version before. */
void rules_whole(struct rules *r);

size_t rules_frontends(const struct rules *r);
size_t rules_backends(const struct rules *r);
const struct rules_frontend *rules_frontend_at(const struct rules *r, size_t i);
const struct rules_frontend *rules_frontend_find(const struct rules *r, struct slice url);
const struct rules_backend *rules_backend_at(const struct rules *r, size_t i);
const struct rules_backend *rules_backend_find(const struct rules *r, struct slice name);
size_t rules_natives(const struct rules *r, enum native_kind kind);
struct rules_native *rules_native_at(const struct rules *r, enum native_kind kind, size_t i);
struct rules_native *rules_native_find(const struct rules *r, enum native_kind kind,
				       struct slice name);
const char *rules_native_name(const struct rules_native *n);
struct slice rules_native_text(const struct rules_native *n);
/* Of a good route, whatever configuration it stands beside: where it applies, and the upstream that
 * its target is (NULL: it has none). Nobody need read it for that, as reading takes long where
 * there are many. */
struct rules_place {
	const char *host, *path, *target;
};
const struct rules_place *rules_native_place(const struct rules_native *n);
/* What a route says, beside this configuration; it is in the arena, and not kept. As
 * rules_native_read, and what is wrong with it as rules_native_fault. */
const struct config_route *rules_native_route(const struct rules_native *n, const struct config *c,
					      struct arena *arena, const char **fault);
/* What it says, beside this configuration: a struct config_route, config_upstream, config_policy or
 * config_api_key, good until it is read beside another one. Of a refused one what can be used of
 * it (config_rule.h), or NULL. */
const void *rules_native_read(struct rules_native *n, const struct config *c);
/* What is wrong with it beside this configuration, which it was not when it was stored without one;
 * NULL: nothing. */
const char *rules_native_fault(struct rules_native *n, const struct config *c);
/* "yett:route:" and the like. */
struct slice rules_native_prefix(enum native_kind kind);
/* Is it a key of a native rule? */
bool rules_native_key(struct slice key, enum native_kind *kind, struct slice *name);
size_t rules_refusals(const struct rules *r);
const struct rules_refusal *rules_refusal_at(const struct rules *r, size_t i);
/* Is this key's value refused with no last good version? Its match then answers 503 rule_refused.
 */
bool rules_is_refused(const struct rules *r, struct slice key);
/* What a native rule closes whose good value is not known, and of which what it closed cannot be
 * read: all that the store's rules serve. A policy can only have asked for a token. */
enum rules_closing { CLOSES_NO_MORE, CLOSES_BY_TOKEN, CLOSES_ALL };
enum rules_closing rules_closes(const struct rules_refusal *f, const struct config *c);
const struct rules_refusal *rules_refusal_find(const struct rules *r, struct slice key);

/* Grows with every change of the set in force or of the refusals: compile when it is not what it
 * was. */
uint64_t rules_generation(const struct rules *r);
/* Which state all but frontends and API keys are in: equal numbers mean equal ones, in copies too.
 */
uint64_t rules_upstreams(const struct rules *r);
/* The same of the API keys. */
uint64_t rules_api_keys(const struct rules *r);
/* Keys that stand: in force, or refused without a last good version. */
size_t rules_known(const struct rules *r);
bool rules_knows(const struct rules *r, struct slice key);
/* The same keys by index, 0..rules_keys()-1, as Redis names them, into `key` (replaced). False:
 * none at this index. */
size_t rules_keys(const struct rules *r);
bool rules_key_at(const struct rules *r, size_t i, struct buf *key);
/* Who goes through all keys of the store (`number`, not 0) has met this one. Was it met before by
 * the same? False, too, when nothing stands for it. */
bool rules_meet(const struct rules *r, struct slice key, uint32_t number);
/* As rules_key_at; false, too, when the key was met. */
bool rules_unmet_at(const struct rules *r, size_t i, uint32_t number, struct buf *key);
/* Deletes what a key of Redis stands for, or its refusal: as rules_delete_frontend and
 * rules_delete_backend. */
int rules_delete(struct rules *r, struct slice key);
/* What a key stands for, in source form as JSON (delta.h). `out` is empty. */
void rules_value(const struct rules *r, struct slice key, struct buf *out);
/* The way back: sets what a key stands for from that form; as the functions above, and -1 for what
 * is no value of such a key. */
int rules_put(struct rules *r, struct slice key, struct slice value);
/* Of all keys and what they stand for: the same for the same rules, whoever has them. */
void rules_digest(const struct rules *r, char out[DIGEST_TEXT]);
/* As rules_digest, of what the rules would be with this delta, which starts from them. */
void rules_digest_behind(const struct rules *r, const struct delta *d, char out[DIGEST_TEXT]);
/* What changed since rules_new or the last rules_mark. Of those that are kept in a store it becomes
 * `large` (delta.h) when it is too much to be kept. */
const struct delta *rules_changes(const struct rules *r);
void rules_mark(struct rules *r);
/* Keys that may stand otherwise than at the last rules_settle, for good or refused; the values mean
 * nothing. NULL: any may, or too many to be told apart, as in a set that is new. */
const struct map *rules_touched(const struct rules *r);
void rules_settle(struct rules *r);
/* The same since the last rules_saved that was told of success; what failed may have left anything.
 */
const struct map *rules_unsaved(const struct rules *r);
void rules_saved(struct rules *r, bool saved);
/* Takes over the content of `from`, or what it changes if it is a draft of r; it is freed, its
 * changes are added to those of r. */
void rules_replace(struct rules *r, struct rules *from);

/* A server as redx writes it (rules_server.c). 0 and *out, its strings malloc'd
 * (rules_endpoint_free); or -EINVAL and *why, static. Forms: host, host:port, [v6]:port,
 * http[s]://host:port/base, unix:/path. */
int rules_server_parse(struct slice text, struct config_endpoint *out, const char **why);
void rules_endpoint_free(struct config_endpoint *e);

/* Last-known-good: JSON in source form (rules_text.h), written by rename and fsynced (file and
 * folder), read back at start. `revision`: which they are; NULL: not known. */
int rules_save(const struct rules *r, const struct revision *revision, const char *path,
	       struct buf *error);
/* What was touched since the last rules_saved goes behind it into PATH.more instead, which is
 * begun anew where `anew`. */
int rules_save_more(const struct rules *r, const struct revision *revision, const char *path,
		    bool anew, struct buf *error);
/* 0; -ENOENT; -EBADMSG when it is no such file (moved aside, reason in error: keep.h). *saved_at:
 * seconds since 1970. *revision is the caller's, NULL where none was saved. Behind it what
 * PATH.more says of it, as far as that was written as a whole; where there is none, the rules count
 * as saved.
 */
int rules_load(struct rules *r, const char *path, int64_t *saved_at, struct revision **revision,
	       struct buf *error);
/* The same in parts. _go reads so many keys; 1: there are more; 0: rules_load_end is next; or
 * -EBADMSG, and it is over. */
struct rules_loading;
int rules_load_begin(const char *path, struct rules_loading **out, struct buf *error);
int rules_load_go(struct rules_loading *l, size_t keys, struct buf *error)
    __attribute__((warn_unused_result));
void rules_load_end(struct rules_loading *l, struct rules *r, int64_t *saved_at,
		    struct revision **revision);
void rules_load_drop(struct rules_loading *l);
