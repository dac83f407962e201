/*
 * Heads that are kept for `yett errors`: masking makes '*' of bytes and nothing else, leaves lines
 * as they are, and of a value that is secret by its place, whatever it is, no byte is left.
 */

#include "shm/faults.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_any(const uint8_t *data, size_t size)
{
	char *room = malloc(size + !size); /* of its size, so that an overrun is seen */

	assert(room);
	memcpy(room, data, size);
	fault_mask(room, size);
	for (size_t i = 0; i < size; i++) {
		assert(room[i] == '*' || room[i] == (char)data[i]);
		assert((data[i] != '\r' && data[i] != '\n') || room[i] == (char)data[i]);
	}
	free(room);
}

static void
check_secret(const char *before, const uint8_t *data, size_t size, const char *behind)
{
	size_t head = strlen(before), n = head + size + strlen(behind);
	char *room = malloc(n);

	assert(room);
	memcpy(room, before, head);
	memcpy(room + head, data, size);
	memcpy(room + head + size, behind, strlen(behind));
	for (size_t i = head; i < head + size; i++) {
		if (strchr("\r\n&= ", room[i]))
			room[i] = 'x';
	}
	fault_mask(room, n);
	for (size_t i = head; i < head + size; i++)
		assert(room[i] == '*');
	free(room);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_any(data, size);
	check_secret("GET /a?token=", data, size, " HTTP/1.1\r\n\r\n");
	check_secret("GET /a?token=", data, size, "");
	check_secret("GET / HTTP/1.1\r\nAuthorization: Bearer ", data, size, "\r\n\r\n");
	check_secret("GET / HTTP/1.1\r\nHost: a\r\nCookie : ", data, size, "");
	check_secret("GET / HTTP/1.1\r\nX-Key: a\r\n ", data, size, "\r\n");
	return 0;
}
