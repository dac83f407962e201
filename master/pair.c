#include "pair.h"

#include "file.h"

#include "lib/tls.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define PEM_MAX ((size_t)1 << 20)
#define NAME_MAX_N 253 /* RFC 1035 section 2.3.4, without the dot at the end */

static int
read_file(const char *path, struct buf *out, struct stat *st, struct buf *why)
{
	int r = file_read(path, PEM_MAX, out, st);

	if (r < 0)
		buf_addf(why, "%s cannot be read: %s", path, file_error(r));
	return r;
}

static void
digest_make(struct pair *p)
{
	struct buf FILE_SECRET both = { 0 };
	uint64_t n = p->chain.n;

	buf_reserve(&both, sizeof n + p->chain.n + p->key.n);
	buf_add(&both, &n, sizeof n);
	buf_adds(&both, buf_slice(&p->chain));
	buf_adds(&both, buf_slice(&p->key));
	if (!sha256(buf_slice(&both), p->digest))
		abort(); /* libcrypto cannot digest: nothing of TLS would work */
}

/* "*.example.org" stands for the labels that it could; others are names of hosts. */
static bool
is_name(struct slice name)
{
	if (slice_starts(name, SLICE("*.")))
		name = slice_make(name.p + 2, name.n - 2);
	if (name.n == 0 || name.n > NAME_MAX_N || name.p[0] == '.' || name.p[name.n - 1] == '.')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = ascii_lower(name.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.' &&
		    c != '_')
			return false;
	}
	return true;
}

static void
name_note(void *userdata, struct slice name)
{
	struct pair *p = userdata;
	char lower[NAME_MAX_N + 2];

	if (!is_name(name))
		return;
	for (size_t i = 0; i < name.n; i++)
		lower[i] = ascii_lower(name.p[i]);
	*map_put(&p->names, slice_make(lower, name.n)) = p;
}

static int
pair_parse(struct pair *p, const char *file, const char *key, struct buf *why)
{
	const char *fault;

	p->certificate = tls_certificate_new(buf_slice(&p->chain), buf_slice(&p->key), &fault);
	if (!p->certificate) {
		buf_addf(why, "%s", file);
		if (strcmp(file, key) != 0)
			buf_addf(why, " with %s", key);
		buf_addf(why,
			 " cannot serve: %s; give the chain, the own certificate first, and "
			 "its key without a password, both in PEM",
			 fault);
		return -EBADMSG;
	}
	tls_certificate_dates(p->certificate, &p->from, &p->until);
	tls_certificate_names(p->certificate, name_note, p);
	digest_make(p);
	return 0;
}

int
pair_read(const char *file, const char *key, struct pair **out, struct buf *why,
	  struct buf *warning)
{
	struct pair *p = xcalloc(1, sizeof *p);
	struct stat st;
	int r;

	p->references = 1;
	p->told = INT_MAX;
	r = read_file(file, &p->chain, &st, why);
	if (r == 0)
		r = read_file(key, &p->key, &st, why);
	if (r == 0)
		r = pair_parse(p, file, key, why);
	if (r < 0) {
		pair_unref(p);
		return r;
	}
	/* A group may have it, as Debian's ssl-cert does. */
	if (st.st_mode & S_IRWXO)
		buf_addf(warning, "%s has mode %04o, so everybody can read the key; chmod 640 %s",
			 key, (unsigned)st.st_mode & 07777, key);
	*out = p;
	return 0;
}

struct pair *
pair_ref(struct pair *p)
{
	p->references++;
	return p;
}

void
pair_unref(struct pair *p)
{
	if (!p || --p->references > 0)
		return;
	file_wipe(&p->chain);
	file_wipe(&p->key);
	tls_certificate_unref(p->certificate);
	map_deinit(&p->names, NULL);
	free(p);
}

const char *
pair_doubt(const struct pair *p, time_t now)
{
	if (now >= p->until)
		return "the certificate has expired; renew it";
	if (now < p->from)
		return "the certificate is not valid yet; is the clock right?";
	return tls_certificate_chain_fault(p->certificate);
}

const char *
pair_name(const struct pair *p)
{
	return p->names.count > 0 ? p->names.entries[0].name : "-";
}
