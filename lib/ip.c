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
