/*
 * Answers of sentinels and of nodes of a cluster: what is taken for a server is a host and a port
 * that can be asked, nodes are few, sorted and each there once, and who has the slot is one of them
 * as long as there is room.
 *
 * The first two bytes are the slot.
 */

#include "lib/redis_reader.h"
#include "master/seek_own.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_place(const struct seek_place *p)
{
	char text[sizeof p->text];

	assert(p->port > 0 && p->host[0] && strlen(p->host) < sizeof p->host);
	for (const char *c = p->host; *c; c++)
		assert(*c > ' ' && *c < 0x7f && !strchr("\"\\[]/@", *c) && (*c < 'A' || *c > 'Z'));
	snprintf(text, sizeof text, strchr(p->host, ':') ? "[%s]:%u" : "%s:%u", p->host, p->port);
	assert(strcmp(text, p->text) == 0);
}

static void
check_slots(const struct redis_reply *r, unsigned slot)
{
	static struct seek_place nodes[SEEK_NODES];
	struct seek_place owner;
	size_t count;
	bool found = seek_read_slots(r, slot, "127.0.0.1", &owner, nodes, &count), named = false;

	assert(count <= SEEK_NODES && found == (owner.port > 0));
	for (size_t i = 0; i < count; i++) {
		check_place(&nodes[i]);
		assert(i == 0 || strcmp(nodes[i - 1].text, nodes[i].text) < 0);
		named |= found && strcmp(nodes[i].text, owner.text) == 0;
	}
	if (!found)
		return;
	check_place(&owner);
	assert(named || count == SEEK_NODES);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct redis_reader *reader;
	struct redis_reply *r;
	struct seek_place place;
	const char *why;

	if (size < 2)
		return 0;
	reader = redis_reader_new();
	redis_reader_feed(reader, slice_make((const char *)data + 2, size - 2));
	while (redis_reader_next(reader, &r, &why) == 0 && r) {
		check_slots(r, (data[0] << 8 | data[1]) & 0x3fff);
		if (seek_read_master(r, &place)) {
			check_place(&place);
			seek_place_settle(&place);
			assert(place.address.port == place.port &&
			       place.address.text == place.text);
		}
		redis_reply_free(r);
	}
	redis_reader_free(reader);
	return 0;
}
