#include "trust.h"

#include "file.h"

#include "lib/tls.h"
#include "lib/xalloc.h"
#include "shm/table.h"

#include <errno.h>
#include <stdlib.h>

#define PEM_MAX ((size_t)16 << 20) /* revocation lists grow */

static int
read_file(const char *path, struct buf *out, struct buf *why)
{
	int r = file_read(path, PEM_MAX, out, NULL);

	if (r < 0)
		buf_addf(why, "%s cannot be read: %s", path, file_error(r));
	return r;
}

/* Half of it is of the roots alone: a worker sees whether only the lists have changed. */
static void
digest_make(struct trust *t)
{
	struct buf BUF_CLEAN both = { 0 };
	uint8_t whole[SHA256_BYTES];

	if (!sha256(buf_slice(&t->ca), t->digest))
		abort(); /* libcrypto cannot digest: nothing of TLS would work */
	buf_add(&both, t->digest, sizeof t->digest);
	buf_adds(&both, buf_slice(&t->crl));
	if (!sha256(buf_slice(&both), whole))
		abort(); /* the same */
	memcpy(t->digest + TABLE_DIGEST_ROOTS, whole, sizeof whole - TABLE_DIGEST_ROOTS);
}

static int
trust_parse(struct trust *t, const char *ca, const char *crl, struct buf *why, struct buf *warning)
{
	unsigned left_out;
	const char *fault;
	struct tls_trust *parsed =
	    tls_trust_new(buf_slice(&t->ca), buf_slice(&t->crl), &left_out, &fault);

	if (!parsed) {
		buf_addf(why, "%s%s%s cannot be used: %s", ca, *crl ? " with " : "", crl, fault);
		return -EBADMSG;
	}
	if (left_out > 0)
		buf_addf(warning, "%u of the certificates in %s cannot be read and are left out",
			 left_out, ca);
	t->revoked_until = tls_trust_revoked_until(parsed);
	t->parsed = parsed;
	return 0;
}

/* The system's roots are many, and the same each time that a configuration is read: the largest
 * that was read without a word is kept. What it says of it, and what is told, is of the text alone.
 */
static struct trust *largest;

static bool
is_known(const struct trust *t)
{
	return largest && memcmp(largest->digest, t->digest, sizeof t->digest) == 0;
}

static void
know(struct trust *t)
{
	if (largest && largest->ca.n > t->ca.n)
		return;
	trust_unref(largest);
	largest = trust_ref(t);
}

int
trust_read(const char *ca, const char *crl, struct trust **out, struct buf *why,
	   struct buf *warning)
{
	struct trust *t = xcalloc(1, sizeof *t);
	int r;

	t->references = 1;
	r = read_file(ca, &t->ca, why);
	if (r == 0 && *crl)
		r = read_file(crl, &t->crl, why);
	if (r == 0)
		digest_make(t);
	if (r == 0 && is_known(t)) {
		trust_unref(t);
		*out = trust_ref(largest);
		return 0;
	}
	if (r == 0)
		r = trust_parse(t, ca, crl, why, warning);
	if (r < 0) {
		trust_unref(t);
		return r;
	}
	if (warning->n == 0)
		know(t);
	*out = t;
	return 0;
}

struct trust *
trust_ref(struct trust *t)
{
	t->references++;
	return t;
}

void
trust_unref(struct trust *t)
{
	if (!t || --t->references > 0)
		return;
	tls_trust_unref(t->parsed);
	buf_deinit(&t->ca);
	buf_deinit(&t->crl);
	free(t);
}

const char *
trust_doubt(const struct trust *t, time_t now)
{
	return t->revoked_until > 0 && now >= t->revoked_until
		   ? "the revocation list has expired, so that client certificates are refused; "
		     "fetch the new one"
		   : NULL;
}
