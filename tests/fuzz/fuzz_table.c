/*
 * Images of segments: whatever they hold, the verifier and, if it accepts them, the look-ups stay
 * inside and come back.
 *
 * The first byte says the kind, and whether the rest is an image as it is, an image whose header's
 * fixed fields and checksum are put right, or a list of patches (16 bits of word number, 32 bits of
 * value) to a good image, which is where the depth is.
 */

#include "tests/unit/table_image.h"

#include "lib/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
header_mend(struct seg_header *h, size_t size, enum table_segment kind)
{
	h->magic = SEGMENT_MAGIC;
	h->format = SEGMENT_FORMAT;
	h->kind = kind;
	h->size = size;
	h->checksum = seg_checksum(h);
}

static struct seg_header *
patched(enum table_segment kind, const uint8_t *data, size_t size, size_t *out_size)
{
	static struct segment *good[SEGMENT_N];
	struct seg_header *h;

	if (!good[kind])
		good[kind] = image_of(kind);
	*out_size = good[kind]->size;
	h = xmalloc(*out_size);
	memcpy(h, good[kind]->head, *out_size);
	for (; size >= 6; data += 6, size -= 6) {
		size_t word = (size_t)(data[0] | data[1] << 8) % (*out_size / 4);

		memcpy((char *)h + word * 4, data + 2, 4);
	}
	header_mend(h, *out_size, kind);
	return h;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum table_segment kind;
	struct seg_header *h;
	volatile unsigned sink;
	unsigned sum = 0, how;
	size_t n;

	if (size == 0)
		return 0;
	kind = data[0] % SEGMENT_N;
	how = data[0] / SEGMENT_N % 3;
	data++;
	size--;
	if (how == 2) {
		h = patched(kind, data, size, &n);
	} else {
		n = size & ~(size_t)15;
		h = xmalloc(n);
		memcpy(h, data, n);
		if (how == 1 && n >= sizeof *h)
			header_mend(h, n, kind);
	}
	image_try(h, n, NULL, kind, &sum);
	sink = sum;
	(void)sink;
	free(h);
	return 0;
}
