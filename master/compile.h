#pragma once

/*
 * compile: configuration, rules and addresses become segments. Nothing here talks to anybody; the
 * same input gives the same bytes.
 */

#include "directory.h"
#include "resolve.h"
#include "shm/table.h"

struct certificates;
struct issuers;
struct tickets;

struct compile_route { /* what became of one route, for `yett routes` */
	const char *id, *host, *path, *upstream;
	bool exact;
	enum rules_source source;
	int32_t priority;
	uint32_t
	    order; /* among those in force with its host and path, from 1; 0: it is not in force */
	const char *asks; /* its conditions, "" for none */
	enum { ROUTE_ACTIVE, ROUTE_SHADOWED, ROUTE_IS_REFUSED, ROUTE_UNREACHABLE } state;
	bool faulty; /* a refused one of a rule whose value is good by itself, and not beside what
			else there is */
	const char *by;     /* of a shadowed one: the id of the winner */
	const char *reason; /* "" when all is well; an active one may have one too (its backend does
			       not exist) */
};

struct compile_index;

#define COMPILE_OVER_MAX 1000 /* groups of routes that an overlay has at most */

struct compile_report {
	struct arena arena;
	struct compile_index *index; /* for compile_rules_over */
	bool all; /* each route has a line; else those of which there is something to
		     be said: they are not in force, or have a reason */
	struct compile_route *routes;
	size_t routes_count, file_count; /* those of the file come first, in its order */
	size_t total;                    /* routes that there are */
	bool sorted;                     /* the others, by id */
	const char **gone; /* of an overlay: ids of those of the base that are no more */
	size_t gone_count;
	struct slice image; /* that compile_report_open gave; the report lies in it */
};

/* Rules, gate and login. `all`: what the report's says. `rules_loaded`: Redis is not configured, or
 * its rules (or last-known-good ones) are there; `issuers`: what is known of where providers are
 * asked, NULL: nothing. 0 or a negative errno. */
int compile_rules(const struct config *c, const struct rules *rules, bool rules_loaded,
		  const struct directory *d, struct directory_slots *slots,
		  const struct issuers *issuers, uint64_t generation, bool all,
		  struct segment **out, struct compile_report **report)
    __attribute__((warn_unused_result));
struct compile_moved { /* an upstream that is other than it was, or is no more (directory_compare)
			*/
	uint32_t what; /* compile_what_upstream */
	uint32_t index;
};

struct compile_touched {        /* since a table was compiled whole */
	const struct map *keys; /* of the store (rules_touched) */
	const struct compile_moved *moved;
	size_t moved_count;
};

/* What compile_rules would make, as an overlay of `base`, which it made with `report` from the same
 * configuration when all was what it is now but for what is touched. 0; 1 when all must be
 * compiled: it is too much, or something is refused; or a negative errno. *lines: of the routes
 * that were made again, for compile_report_over. */
int compile_rules_over(const struct config *c, const struct rules *rules, const struct directory *d,
		       struct directory_slots *slots, const struct compile_touched *touched,
		       const struct compile_report *report, const struct segment *base,
		       uint64_t generation, struct segment **out, struct compile_report **lines)
    __attribute__((warn_unused_result));
/* `files`: what TLS to endpoints needs, as for compile_keys. `sticky_key` signs the names of
 * endpoints in sticky cookies (sticky_key.h). Addresses that names resolve to and that are our own
 * are left out, each with a line in `warnings`. */
int compile_endpoints(const struct config *c, const struct directory *d, const struct resolver *r,
		      const struct certificates *files, struct slice sticky_key,
		      uint64_t generation, struct segment **out, struct buf *warnings)
    __attribute__((warn_unused_result));
/* What compile_endpoints would make, as an overlay of `base`; as compile_rules_over. */
int compile_endpoints_over(const struct config *c, const struct directory *d,
			   const struct resolver *r, struct slice sticky_key,
			   const struct compile_touched *touched, const struct segment *base,
			   uint64_t generation, struct segment **out)
    __attribute__((warn_unused_result));
/* `rules`: whose API keys, NULL for none; `files`: of the configuration, as they were last read;
 * `d`: whose upstreams need some of them, as those of `endpoints` do, which were made from
 * something else (NULL: they were not); `issuers`: what is known of keys that are fetched, NULL:
 * nothing. By the time, too: a certificate that has expired serves where there is no other. */
int compile_keys(const struct config *c, const struct rules *rules, const struct directory *d,
		 const struct segment *endpoints, const struct certificates *files,
		 const struct tickets *tickets, const struct issuers *issuers, uint64_t generation,
		 struct segment **out) __attribute__((warn_unused_result));
/* "10.0.0.0/8", "::1": an address alone is the one address. 0 or -EINVAL. */
int compile_cidr(const char *text, struct table_cidr *out);
/* For who shows it; a push does not wait for it. */
void compile_report_sort(struct compile_report *r);
/* The report of base and overlay together: it refers to both.*/
struct compile_report *compile_report_over(const struct compile_report *base,
					   const struct compile_report *over);
/* For another process: report and index as the bytes of a sealed memfd; 0 or a negative errno. */
int compile_report_pack(struct compile_report *r, int *fd) __attribute__((warn_unused_result));
/* The way back; `fd` is taken over. 0, or -EBADMSG when it is none. */
int compile_report_open(int fd, struct compile_report **out) __attribute__((warn_unused_result));
void compile_report_free(struct compile_report *r); /* NULL is allowed */
