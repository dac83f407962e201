#include "ip.h"

#include <netinet/in.h>
#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

bool
ip_is_v4(const uint8_t ip[16])
{
	return memcmp(ip, mapped, sizeof mapped) == 0;
}

void
ip_map_v4(uint8_t ip[16], const void *v4)
{
	memcpy(ip, mapped, sizeof mapped);
	memcpy(ip + sizeof mapped, v4, 4);
}

struct network {
	uint8_t ip[16];
	unsigned bits;
};

static bool
is_in(const uint8_t *ip, const struct network *n)
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	return memcmp(ip, n->ip, whole) == 0 &&
	       (rest == 0 || (ip[whole] ^ n->ip[whole]) >> (8 - rest) == 0);
}

static bool
is_public_v4(const uint8_t *v4)
{
	static const struct network closed[] = {
		{ { 0 }, 8 },
		{ { 10 }, 8 },
		{ { 100, 64 }, 10 },
		{ { 127 }, 8 },
		{ { 168, 63, 129, 16 }, 32 }, /* Azure's host */
		{ { 169, 254 }, 16 },
		{ { 172, 16 }, 12 },
		{ { 192, 0, 0 }, 24 },
		{ { 192, 0, 2 }, 24 },
		{ { 192, 88, 99 }, 24 },
		{ { 192, 168 }, 16 },
		{ { 198, 18 }, 15 },
		{ { 198, 51, 100 }, 24 },
		{ { 203, 0, 113 }, 24 },
		{ { 224 }, 3 },
	};

	for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
		if (is_in(v4, &closed[i]))
			return false;
	}
	return true;
}

bool
ip_is_public(const uint8_t ip[16])
{
	static const struct network global = { { 0x20 }, 3 };
	static const struct network nat64 = { { 0x00, 0x64, 0xff, 0x9b }, 96 };
	static const struct network six_to_four = { { 0x20, 0x02 }, 16 };
	static const struct network closed[] = {
		{ { 0x20, 0x01 }, 23 }, /* of protocols, Teredo among them */
		{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 },
		{ { 0x3f, 0xff }, 20 },
	};

	if (ip_is_v4(ip) || is_in(ip, &nat64))
		return is_public_v4(ip + 12);
	if (is_in(ip, &six_to_four))
		return is_public_v4(ip + 2);
	for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
		if (is_in(ip, &closed[i]))
			return false;
	}
	return is_in(ip, &global);
}

void
ip_of(const struct sockaddr_storage *from, uint8_t ip[16])
{
	if (from->ss_family == AF_INET6)
		memcpy(ip, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
	else if (from->ss_family == AF_INET)
		ip_map_v4(ip, &((const struct sockaddr_in *)from)->sin_addr);
	else
		ip_map_v4(ip, "\x7f\0\0\1");
}
