#include "redis_tag.h"

#include "redis.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum keys {
	KEYS_ONE = 1, /* argv[1] */
	KEYS_NONE,
	KEYS_ALL,     /* from argv[1] to the end */
	KEYS_SECOND,  /* argv[2] */
	KEYS_THIRD,   /* argv[3] */
	KEYS_COUNTED, /* as many as argv[2] says, from argv[3] */
	KEYS_STREAMS, /* the first half of what comes behind STREAMS */
};

static const struct {
	const char *command;
	enum keys keys;
} commands[] = {
	{ "ASKING", KEYS_NONE },      { "AUTH", KEYS_NONE },      { "CLIENT", KEYS_NONE },
	{ "CLUSTER", KEYS_NONE },     { "DISCARD", KEYS_NONE },   { "EXEC", KEYS_NONE },
	{ "INFO", KEYS_NONE },        { "MULTI", KEYS_NONE },     { "PING", KEYS_NONE },
	{ "PUBLISH", KEYS_NONE },     { "ROLE", KEYS_NONE },      { "SCRIPT", KEYS_NONE },
	{ "SELECT", KEYS_NONE },      { "SUBSCRIBE", KEYS_NONE }, { "TIME", KEYS_NONE },
	{ "UNSUBSCRIBE", KEYS_NONE }, { "UNWATCH", KEYS_NONE },   { "WAIT", KEYS_NONE },
	{ "DEL", KEYS_ALL },          { "EXISTS", KEYS_ALL },     { "MGET", KEYS_ALL },
	{ "UNLINK", KEYS_ALL },       { "WATCH", KEYS_ALL },      { "XGROUP", KEYS_SECOND },
	{ "XINFO", KEYS_SECOND },     { "SCAN", KEYS_THIRD },     { "EVAL", KEYS_COUNTED },
	{ "EVALSHA", KEYS_COUNTED },  { "XREAD", KEYS_STREAMS },  { "XREADGROUP", KEYS_STREAMS },
};

static enum keys
keys_of(struct slice command)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (slice_ieq(command, slice_of(commands[i].command)))
			return commands[i].keys;
	}
	return KEYS_ONE;
}

static size_t
number(struct slice text)
{
	char digits[20];

	if (text.n >= sizeof digits)
		return 0;
	memcpy(digits, text.p, text.n);
	digits[text.n] = '\0';
	return strtoul(digits, NULL, 10);
}

static void
streams(size_t argc, const struct slice *argv, size_t *first, size_t *end)
{
	size_t at = 1;

	while (at < argc && !slice_ieq(argv[at], SLICE("STREAMS")))
		at++;
	*first = at < argc ? at + 1 : argc;
	*end = *first + (argc - *first) / 2;
}

void
redis_tag_keys(size_t argc, const struct slice *argv, size_t *first, size_t *end)
{
	*first = *end = argc;
	switch (keys_of(argv[0])) {
	case KEYS_NONE:
		return;
	case KEYS_ONE:
		*first = 1;
		*end = 2;
		break;
	case KEYS_ALL:
		*first = 1;
		break;
	case KEYS_SECOND:
		*first = 2;
		*end = 3;
		break;
	case KEYS_THIRD:
		*first = 3;
		*end = 4;
		break;
	case KEYS_COUNTED:
		*first = 3;
		*end = argc > 2 ? 3 + number(argv[2]) : argc;
		break;
	case KEYS_STREAMS:
		streams(argc, argv, first, end);
		break;
	}
	if (*end > argc)
		*end = argc;
}

/* CRC16 of XMODEM, of what stands between the braces (Redis Cluster specification, "Hash tags"). */
unsigned
redis_tag_slot(struct slice tag)
{
	unsigned crc = 0;

	for (size_t i = 1; i + 1 < tag.n; i++) {
		crc ^= (unsigned)(uint8_t)tag.p[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
		crc &= 0xffff;
	}
	return crc % REDIS_SLOTS;
}

struct slice
redis_tag_cut(struct slice tag, struct slice key)
{
	return tag.n && slice_starts(key, tag) ? slice_make(key.p + tag.n, key.n - tag.n) : key;
}

bool
redis_is_elsewhere(const struct redis_reply *r)
{
	static const char *const words[] = { "READONLY ", "MOVED ", "CLUSTERDOWN ", "MASTERDOWN " };

	if (r->type != REDIS_FAILED)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (slice_starts(r->text, slice_of(words[i])))
			return true;
	}
	/* Redis before 7 says it of a script in the middle of its words. */
	return memmem(r->text.p, r->text.n, " -READONLY ", 11) != NULL;
}

bool
redis_numeric(struct slice host, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	char text[INET6_ADDRSTRLEN];

	if (host.n >= sizeof text || port == 0)
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		return false;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return true;
}

bool
redis_where(struct slice text, struct slice word, struct slice *host, uint16_t *port)
{
	struct slice place, end;
	size_t colon, n;

	if (!slice_eq(slice_cut(text, ' ', &text), word))
		return false;
	slice_cut(text, ' ', &text);
	place = slice_cut(text, ' ', &end);
	for (colon = place.n; colon > 0 && place.p[colon - 1] != ':'; colon--)
		;
	if (colon < 2)
		return false;
	n = number(slice_make(place.p + colon, place.n - colon));
	*host = slice_make(place.p, colon - 1);
	*port = (uint16_t)n;
	return n > 0 && n <= UINT16_MAX;
}
