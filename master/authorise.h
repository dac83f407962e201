#pragma once

/*
 * authorise: who may, as the file or a rule says it: a mapping in which all must hold, one of which
 * is a list of values any of which is enough; `any`, `all` and `not` go deeper. It becomes a tree
 * here, and a program of the table in compile_authorise.c.
 */

#include "config_read.h"

enum authorise_kind {
	AUTHORISE_ALL,
	AUTHORISE_ANY,
	AUTHORISE_NOT, /* of one child */
	/* The others ask one thing. */
	AUTHORISE_SCOPES,
	AUTHORISE_ROLES,
	AUTHORISE_GROUPS, /* without values: everybody who is somebody */
	AUTHORISE_CLAIM,  /* without values: it is there, whatever it says */
	AUTHORISE_ISSUERS,
	AUTHORISE_KINDS,
	AUTHORISE_METHODS,
	AUTHORISE_ADDRESSES,
	AUTHORISE_CERTIFICATE, /* as AUTHORISE_CLAIM */
	AUTHORISE_NEVER        /* it could not be read */
};

struct authorise {
	enum authorise_kind kind;
	bool shadow; /* at the top: it is counted, and refuses nobody */
	struct authorise *children;
	size_t children_count;
	const char *name; /* of the claim, a path; of the fact of the certificate */
	uint32_t bits;    /* methods; kinds; enum tls_fact */
	const char **values;
	size_t values_count;
	int line;
};

extern const struct setting_word authorise_kinds[];

#define AUTHORISE_DEPTH 6 /* of any, all and not within one another */

/* A value of the setting. Where it is wrong *out never lets anybody in. */
void authorise_read(struct config_reader *r, const struct node *n, const struct authorise **out);
/* How many things it asks. */
uint32_t authorise_size(const struct authorise *a);
/* Does it ask about who the client says it is? */
bool authorise_asks_who(const struct authorise *a);
/* The first issuer that it names and that is none of the gate's; NULL: there is none such. */
const char *authorise_unknown(const struct authorise *a, const struct config_gate *g);
/* As it would be written, in one line; NULL is "none". */
void authorise_format(const struct authorise *a, bool json, struct buf *out);
/* One that asks one thing, as `yett explain` names it: "scopes: a, b". */
void authorise_text(const struct authorise *a, struct buf *out);
