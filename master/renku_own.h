#pragma once

/* renku_own: what the files of renku share. */

#include "foreign.h"
#include "node.h"
#include "renku.h"

#define RENKU "Renku's gateway"

/* All that is said of Renku's gateway, and what is made of it. */
struct renku {
	struct config_reader *r;
	const struct node *said; /* of all sources in one */
	struct node *out;        /* our own settings */
	bool production;
	int line; /* of what stands nowhere */
};

/* A mistake at this node, or at the one of `path` above it where there is none. */
void renku_tell(struct renku *k, bool warning, const struct node *at, const char *path,
		const char *text);
/* "": it is not there, or no text, which is told. */
struct slice renku_text(struct renku *k, const char *path);
bool renku_true(struct renku *k, const char *path);
/* The origin of a URL ("https://host:port"), "" where it is none, which is told; with `host` what
 * stands behind the scheme. */
struct slice renku_origin(struct renku *k, const char *path, struct slice *host);

/* A mapping without one of its keys, and with room for one more. */
struct node *renku_without(struct arena *arena, const struct node *n, struct slice key, int line);

/* renku_limits.c: `root` without `server`, and with the limit that it says. */
const struct node *renku_limits(struct config_reader *r, const struct node *root,
				const struct node *server);
/* renku_sources.c: the file, the one with secrets, and the environment in one. */
const struct node *renku_sources(struct config_reader *r, const struct node *root);
/* The variable that says this; NULL: none does. */
const char *renku_variable(const struct config_reader *r, const struct node *n);
/* renku_check.c: what Renku's gateway refuses, and keys that are none of its. False: it is no use
 * to go on. */
bool renku_check(struct renku *k);
/* renku_login.c: sessions, login, redis and the verifiers of tokens. */
void renku_login(struct renku *k);
/* renku_routes.c */
void renku_routes(struct renku *k);
