#pragma once

/*
 * config_read: walks a document along the settings table and fills a struct config. Each value is
 * judged alone here; what has to fit together is config_check's.
 */

#include "document.h"
#include "mistakes.h"
#include "value.h"

#include <sys/stat.h>

struct config_origin { /* of one setting that is no plain default; the array ends with path NULL */
	const char *path, *text; /* "routes[0].path", "FILE:LINE" */
};

struct config_reader {
	struct config *c;
	struct value_env env;
	struct mistakes mistakes;
	struct document second; /* a file that is read beside it (renku_sources.c) */
	mode_t second_mode;
	const char *file;                /* as the operator named it */
	mode_t mode;                     /* of that file */
	const struct certificates *held; /* by the gateway that runs; NULL: none does */
	bool rule; /* an entry of a store is read (config_rule.c), and not the file */
	const struct node *root;
	struct buf key,
	    pattern; /* path of what is being read, as it stands in the file and in the table */
	const char *origin; /* a default is being read: "profile redx", "env X", or "" for one that
			       needs no origin */
	struct config_origin *origins;
	size_t origins_count, origins_cap;
	uint32_t redx_given; /* redx_names.c's own */
};

/* Defaults, then what the file says. Mistakes are in r->mistakes. */
void config_read(struct config_reader *r);
void config_reader_deinit(struct config_reader *r);
/* Hands the origins over to the configuration, sorted by path. */
void config_read_origins(struct config_reader *r);
/* The path of what is being read. */
const char *config_key(struct config_reader *r);
/* Line of a setting at the top of the file ("gate.secret"); 0: it is not there. */
int config_line(const struct config_reader *r, const char *path);
/* One value of the row's type into the struct at `base`. */
void config_read_value(struct config_reader *r, const struct setting *s, const struct node *n,
		       void *base);
/* One element of a list or mapping, which is the struct at `child`, where its defaults stand;
 * `prefix` is its place in the table ("routes[]"). */
void config_read_given(struct config_reader *r, const struct setting *s, const char *prefix,
		       const struct node *n, void *child);
/* config_defaults.c: the profile, before everything else; it decides the defaults. */
void config_read_profile(struct config_reader *r);
/* Defaults of the struct at `base`, which is the one at `prefix` of the table. `given`: the mapping
 * of the file for it; what it names at the top is left out, so that a list of the file does not mix
 * with one of a profile. */
void config_defaults(struct config_reader *r, const char *prefix, const struct node *given,
		     void *base);
/* config_secret.c: reads one of the four forms of a secret. */
void config_read_secret(struct config_reader *r, const struct node *n, struct config_secret *out);
