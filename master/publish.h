#pragma once

/*
 * publish: turns changes into tables. Callers mark what changed; once a loop turn, at most, it is
 * compiled, what came out different is sent to the workers, and the version goes up by one. Keeps
 * the segments in force for workers to come.
 *
 * A change of few rules becomes an overlay of the rules that were compiled whole last, with all
 * that was touched since then: what it costs is by what is touched, not by how many rules there
 * are. When that is too much, or an overlay cannot say it, all is compiled and is the next base;
 * by a child where there are many (build.h), and what changes meanwhile is an overlay of what comes
 * of it.
 */

#include "build.h"
#include "compile.h"
#include "directory.h"
#include "history.h"
#include "lib/map.h"
#include "quarantine.h"
#include "shm/table.h"
#include "wait.h"

#include <uv.h>

struct master;
struct slot;

enum publish_part {
	PUBLISH_RULES = 1,
	PUBLISH_ENDPOINTS = 2,
	PUBLISH_KEYS = 4,
	PUBLISH_REVISION = 8, /* its name alone */
	PUBLISH_WHOLE = 16,   /* with PUBLISH_RULES: what is in no route changed, too */
};
#define PUBLISH_ALL (PUBLISH_RULES | PUBLISH_ENDPOINTS | PUBLISH_KEYS)

/* Rules that were compiled whole, and what may be otherwise since then. */
struct publish_base {
	struct segment *rules; /* NULL: there are none, or they are being compiled */
	struct compile_report *report;
	uint64_t serial;   /* of the configuration */
	bool rules_loaded; /* as they say */
	size_t routes;     /* of the store that there were */
	struct map touched;
	bool touched_all; /* any key may be: none is kept */
	struct compile_moved *moved;
	size_t moved_count, moved_cap;
	bool passed; /* of the next one: the base got an overlay since it was begun */
};

struct publisher {
	uv_timer_t turn;
	unsigned pending;          /* enum publish_part: changed since the last compilation */
	bool directory_old;        /* the directory is to be brought up to date before that, */
	bool directory_whole;      /* or to be built anew */
	bool endpoints_old;        /* others of them changed than a new directory has */
	bool directory_new;        /* it was, since the last compilation */
	uint64_t directory_rounds; /* how many such */
	uint64_t upstreams;        /* rules_upstreams that it was built from */
	uint64_t api_keys;         /* rules_api_keys of the keys in force */
	uint64_t hold_ms;     /* wait so long for the others to resolve; 0: none was seen yet */
	uint64_t retry_ms;    /* after a compilation that failed */
	uint64_t generation;  /* of the next segments */
	uint64_t version;     /* of the table in force, 0 before the first */
	uint64_t rules_since; /* its rules are those of this one */
	int64_t published_wall;
	char revision[REVISION_TEXT]; /* of the rules, as the next table says; empty: unknown */
	int64_t revision_wall;
	bool rules_loaded; /* as the table in force says */
	bool from_image;   /* rules and endpoints in force are those of image.h: what they were
			      compiled from is not known yet */
	struct segment *segments[SEGMENT_N];
	struct directory *directory;
	struct directory_slots slots;
	struct publish_base base; /* what is in force, or lies under it */
	struct publish_base next; /* what is to take its place: being compiled, or ready */
	struct builder builder;
	uint64_t build_ms;            /* no other one before that, as the last one failed */
	uint32_t build_pause_ms;      /* the pause that it was; 0: it did not */
	uint64_t building_since;      /* ns */
	uint64_t building_over;       /* generation of the rules in force when it began */
	bool building_other;          /* no overlay of those in force would do meanwhile */
	struct compile_report *over;  /* of the overlay in force; NULL: none is */
	struct compile_report *shown; /* of both, for who asks; NULL: nobody has */
	struct quarantine quarantine;
	/* Of the last directory and of its names, so that each is logged once. */
	char *warnings, *names_warnings;
	struct waiters waiters;
};

int publish_init(struct master *m) __attribute__((warn_unused_result));
void publish_deinit(struct master *m);
/* Compiled and published in this loop turn or the next one; names that it is the first to have
 * get a moment to resolve. */
void publish_mark(struct master *m, unsigned parts);
/* Others than before are in force. */
void publish_certificates(struct master *m);
/* The Redis of sessions was found at another place. */
void publish_sessions(struct master *m);
/* The next table says that its rules are this revision; empty: unknown. */
void publish_revision(struct master *m, const char *id, int64_t wall);
/* At every tick. */
void publish_tick(struct master *m);
/* Would this configuration compile? 0, or a negative errno with the reason in `report`. Changes
 * nothing. */
int publish_check(struct master *m, const struct config *next, struct buf *report)
    __attribute__((warn_unused_result));
/* What signs sticky cookies with this configuration. */
struct slice publish_sticky_key(const struct master *m, const struct config *c);
/* Takes over rules and endpoints that were compiled by an earlier master (image.h), whose slots are
 * the present ones; in force until the rules are there. Before the first table. */
void publish_adopt(struct master *m, struct segment *rules, struct segment *endpoints);
/* After the configuration was swapped: nothing refers to the old one any more. */
void publish_reconfigured(struct master *m);
/* Of what became of routes, what is worth a line (compile_report.all). NULL before the first table.
 * It lasts until the next one. */
struct compile_report *publish_report(struct master *m);
/* Of every route, compiled anew; the caller's. 0 or a negative errno. */
int publish_report_all(struct master *m, struct compile_report **out)
    __attribute__((warn_unused_result));
/* Are there so many routes that a child compiles them? */
bool publish_is_large(const struct master *m, const struct rules *rules);
/* How many routes there are. */
size_t publish_routes(const struct master *m);
/* Everything that a new worker needs. */
void publish_greet(struct master *m, struct slot *slot);
