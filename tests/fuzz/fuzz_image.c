/*
 * The compiled table that is loaded at a restart (master/image.h), from a folder that somebody may
 * have written to: it is taken whole or not at all, and what is taken can be asked and replaced.
 * What keeps files from being damaged by chance is put right, as whoever means to would.
 *
 * The first byte is of flags: which of the two files is not patched. The rest are patches: which
 * file, the number of a word (three bytes), the word.
 */

#include "descriptors.h"
#include "gateway.h"

#include "lib/sha256.h"
#include "master/image.h"
#include "master/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE_GOOD 1
#define REST_GOOD 2
/* Where it stands in the head, from where it is taken; the same of the base; where the head ends.
 */
#define DIGEST 8
#define DIGESTED 40
#define CHECKSUM 136
#define ENDPOINTS 200
#define PATCH 8

static const char rules[] =
    "{\"format\":\"yett rules 1\",\"saved_at\":1700000000,\"digest\":\"00\",\n"
    "\"frontends\":{\n\"a.com/x\":\"b\",\n\"c.com\":\"b\"},\n"
    "\"backends\":{\n\"b\":{\"10.0.0.9:1\":\"0\",\"10.0.0.8:1\":\"3\"}},\n"
    "\"refused\":{},\n\"lost\":{},\n"
    "\"native\":{\n\"yett:route:r\":\"{\\\"path\\\":\\\"/"
    "r\\\",\\\"target\\\":\\\"10.0.0.8:2\\\"}\"},\n"
    "\"native_refused\":{}}\n";

static struct buf base, rest; /* as they were saved */

static void
read_back(const char *name, struct buf *out)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (file_read(path, 1 << 20, out, NULL) < 0)
		abort();
}

static void
prepare(void)
{
	struct master *m;

	folder_make();
	folder_write("rules.json", slice_of(rules));
	m = gateway_begin(REDIS_HERE);
	if (!m->publisher.segments[SEGMENT_RULES] || image_save(m, true) < 0)
		abort();
	gateway_end(m);
	read_back("table.base", &base);
	read_back("table", &rest);
}

/* A copy of one of the files, patched. */
static char *
patched(const struct buf *good, unsigned which, const uint8_t *data, size_t size)
{
	char *copy = malloc(good->n);

	memcpy(copy, good->p, good->n);
	for (; size >= PATCH; data += PATCH, size -= PATCH) {
		size_t word = (size_t)(data[1] | data[2] << 8 | data[3] << 16) % (good->n / 4);

		if (data[0] % 2 == which)
			memcpy(copy + word * 4, data + 4, 4);
	}
	return copy;
}

/* Of a segment that has so many bytes at most. */
static void
mend(char *bytes, size_t n, uint64_t *checksum)
{
	struct seg_header *h = (struct seg_header *)(void *)bytes;

	if (h->size >= sizeof *h && h->size <= n)
		h->checksum = seg_checksum(h);
	*checksum = h->checksum;
}

static void
lay_out(const uint8_t *data, size_t size)
{
	char *b = patched(&base, 0, data + 1, data[0] & BASE_GOOD ? 0 : size - 1);
	char *r = patched(&rest, 1, data + 1, data[0] & REST_GOOD ? 0 : size - 1);
	uint8_t digest[SHA256_BYTES];
	uint64_t checksum;

	mend(r + ENDPOINTS, rest.n - ENDPOINTS, &checksum);
	mend(b, base.n, &checksum);
	memcpy(r + CHECKSUM, &checksum, sizeof checksum);
	if (!sha256(slice_make(r + DIGESTED, rest.n - DIGESTED), digest))
		abort();
	memcpy(r + DIGEST, digest, sizeof digest);
	folder_write("table.base", slice_make(b, base.n));
	folder_write("table", slice_make(r, rest.n));
	free(b);
	free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct master *m;
	unsigned before;

	if (size == 0)
		return 0;
	if (!*folder)
		prepare();
	before = descriptors();
	lay_out(data, size);
	m = gateway_begin(REDIS_HERE);
	assert(m->image[0] && m->publisher.segments[SEGMENT_RULES]);
	assert(size > 1 || strcmp(m->image, "in force") == 0);
	others.ahead_ms += 1000;
	gateway_turn(m);
	gateway_end(m);
	assert(descriptors() == before);
	return 0;
}
