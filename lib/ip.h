#pragma once

/*
 * ip: an address of either family as 16 bytes; one of IPv4 is mapped (RFC 4291 section 2.5.5.2).
 */

#include <stdbool.h>
#include <stdint.h>

struct sockaddr_storage;

bool ip_is_v4(const uint8_t ip[16]);
/* `v4`: 4 bytes in network order. */
void ip_map_v4(uint8_t ip[16], const void *v4);
/* May anybody on the internet have it? Not one that is for this host, a link, a private or a
 * provider's network, documentation, multicast or the future (RFC 6890 and the registries behind
 * it), nor one of IPv6 that leads to such a one of IPv4, nor a cloud's metadata service. */
bool ip_is_public(const uint8_t ip[16]);
/* What has none (a Unix socket) is this host. */
void ip_of(const struct sockaddr_storage *from, uint8_t ip[16]);
