#pragma once

/*
 * certificates: what TLS needs of files, as they were last read: pairs of a chain and a key, and
 * whom to trust. Loaded whole from a configuration. What is wrong in one file concerns that one
 * alone: where there is a pair of before, it goes on, and `trouble` says why.
 */

#include "config.h"
#include "file.h"
#include "pair.h"
#include "trust.h"

struct certificate_source {
	char *file, *key; /* paths; the same where the key stands in the file of the chain */
	char *setting;    /* the key of the configuration that names it */
	int line;
	bool front;        /* clients are shown it */
	bool listed;       /* else it was found in a folder, and may go away */
	struct pair *pair; /* NULL: there is none to use */
	bool stale;        /* the pair is that of before, as what is there now was refused */
	int error;         /* of reading; 0: none */
	char *trouble;     /* what is wrong with what is there now, "" */
	char *warning;     /* what is not as it should be, "" */
	unsigned looks;    /* that saw this trouble, one after the other (certificates_tell.c) */
	struct file_stamp stamps[2];
};

struct trust_source { /* the same for roots and revocation lists */
	char *ca, *crl;
	char *setting;
	int line;
	struct trust *trust;
	bool stale;
	int error;
	char *trouble, *warning;
	unsigned looks;
	struct file_stamp stamps[2];
};

struct certificates {
	struct certificate_source *pairs; /* in the order of the configuration, then by name */
	struct trust_source *trusts;
	size_t pairs_count, trusts_count;
	struct map index; /* of the pairs, by both paths; values: 1 + place */
};

/* Reads what the configuration names. `before`: NULL, or what was in force: files that were surely
 * not written since are not read again. Never NULL. */
struct certificates *certificates_load(const struct config *c, const struct certificates *before);
void certificates_free(struct certificates *c); /* NULL is allowed */
/* Are the same pairs and roots in force, and as good as they were? */
bool certificates_same(const struct certificates *a, const struct certificates *b);
/* NULL: they are not of this set (which may be NULL). */
struct certificate_source *certificates_source(const struct certificates *c, const char *file,
					       const char *key);
struct trust_source *certificates_trust_source(const struct certificates *c, const char *ca,
					       const char *crl);
/* NULL: there is none to use. */
struct pair *certificates_pair(const struct certificates *c, const char *file, const char *key);
struct trust *certificates_trust(const struct certificates *c, const char *ca, const char *crl);

/* certificates_folder.c: calls `each` with the file of each chain in a folder and that of its key,
 * by name: NAME.crt or NAME.pem with NAME.key, or NAME.pem alone. 0 or a negative errno. */
typedef void (*certificates_each_fn)(void *arg, const char *file, const char *key);
int certificates_folder(const char *path, certificates_each_fn each, void *arg)
    __attribute__((warn_unused_result));
