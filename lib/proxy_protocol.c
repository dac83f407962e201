#include "proxy_protocol.h"

#include "ip.h"

#include <arpa/inet.h>
#include <stdio.h>

#define V1_MAX 107 /* with its line end */
#define V2_HEAD 16 /* before the addresses */
#define TLV_CRC32C 0x03

static const char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* ---- version 1: one line of text ---- */

/* Words are parted by exactly one space. */
static struct slice
next_word(struct slice *rest)
{
	return slice_cut(*rest, ' ', rest);
}

static bool
parse_address(struct slice word, bool v6, uint8_t ip[16])
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;

	if (word.n == 0 || word.n >= sizeof text)
		return false;
	memcpy(text, word.p, word.n);
	text[word.n] = '\0';
	if (v6)
		return inet_pton(AF_INET6, text, ip) == 1;
	if (inet_pton(AF_INET, text, &v4) != 1)
		return false;
	ip_map_v4(ip, &v4);
	return true;
}

static bool
parse_port(struct slice word, uint16_t *port)
{
	unsigned n = 0;

	if (word.n == 0 || word.n > 5 || (word.n > 1 && word.p[0] == '0'))
		return false;
	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] < '0' || word.p[i] > '9')
			return false;
		n = n * 10 + (unsigned)(word.p[i] - '0');
	}
	*port = (uint16_t)n;
	return n <= 65535;
}

static enum proxy_outcome
parse_line(struct slice line, struct proxy_header *out)
{
	struct slice rest = line, family;

	next_word(&rest); /* "PROXY" */
	family = next_word(&rest);
	if (slice_eq(family, SLICE("UNKNOWN"))) /* what follows is to be ignored */
		return PROXY_OK;
	if (!slice_eq(family, SLICE("TCP4")) && !slice_eq(family, SLICE("TCP6")))
		return PROXY_BAD;
	out->named = parse_address(next_word(&rest), family.p[3] == '6', out->source.ip) &&
		     parse_address(next_word(&rest), family.p[3] == '6', out->destination.ip) &&
		     parse_port(next_word(&rest), &out->source.port) &&
		     parse_port(rest, &out->destination.port);
	return out->named ? PROXY_OK : PROXY_BAD;
}

static enum proxy_outcome
parse_v1(struct slice in, struct proxy_header *out)
{
	size_t most = in.n < V1_MAX ? in.n : V1_MAX;
	const char *end = memchr(in.p, '\n', most);

	if (!end)
		return in.n < V1_MAX ? PROXY_MORE : PROXY_BAD;
	if (end[-1] != '\r')
		return PROXY_BAD;
	out->used = (size_t)(end + 1 - in.p);
	return parse_line(slice_make(in.p, out->used - 2), out);
}

/* ---- version 2: binary ---- */

/* Castagnoli's polynomial, reflected (RFC 3720 appendix B.4); headers are short and few. */
static uint32_t
crc32c(uint32_t crc, const uint8_t *p, size_t n)
{
	while (n--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
	}
	return crc;
}

/* The checksum is that of the header with its own four bytes as zeros. */
static bool
crc_matches(const uint8_t *header, size_t n, size_t at)
{
	static const uint8_t zeros[4];
	uint32_t crc = crc32c(0xffffffffu, header, at), sent;

	crc = crc32c(crc, zeros, sizeof zeros);
	crc = ~crc32c(crc, header + at + 4, n - at - 4);
	memcpy(&sent, header + at, sizeof sent);
	return ntohl(sent) == crc;
}

/* Types are skipped but for the checksum; lengths must add up. */
static bool
tlvs_ok(const uint8_t *header, size_t n, size_t at)
{
	while (at < n) {
		size_t length;

		if (n - at < 3)
			return false;
		length = (size_t)header[at + 1] << 8 | header[at + 2];
		if (length > n - at - 3)
			return false;
		if (header[at] == TLV_CRC32C && (length != 4 || !crc_matches(header, n, at + 3)))
			return false;
		at += 3 + length;
	}
	return true;
}

static void
take_ends(const uint8_t *p, bool v6, struct proxy_header *out)
{
	size_t size = v6 ? 16 : 4;
	uint16_t ports[2];

	memcpy(ports, p + 2 * size, sizeof ports);
	out->source.port = ntohs(ports[0]);
	out->destination.port = ntohs(ports[1]);
	if (v6) {
		memcpy(out->source.ip, p, 16);
		memcpy(out->destination.ip, p + 16, 16);
	} else {
		ip_map_v4(out->source.ip, p);
		ip_map_v4(out->destination.ip, p + 4);
	}
}

static enum proxy_outcome
parse_v2(struct slice in, struct proxy_header *out)
{
	static const size_t sizes[] = { 0, 12, 36, 216 }; /* of the ends, by family */
	const uint8_t *p = (const uint8_t *)in.p;
	unsigned command, family, transport;
	size_t n;

	if (in.n < V2_HEAD)
		return PROXY_MORE;
	command = p[12] & 15;
	family = p[13] >> 4;
	transport = p[13] & 15;
	n = V2_HEAD + ((size_t)p[14] << 8 | p[15]);
	if (p[12] >> 4 != 2 || command > 1 || n > PROXY_HEADER_MAX)
		return PROXY_BAD;
	/* Of a connection of its own a proxy may say anything in the rest. */
	if (command == 1 && (family > 3 || transport > 2 || n < V2_HEAD + sizes[family]))
		return PROXY_BAD;
	if (in.n < n)
		return PROXY_MORE;
	out->used = n;
	if (command == 0 || family == 0)
		return PROXY_OK;
	if (!tlvs_ok(p, n, V2_HEAD + sizes[family]))
		return PROXY_BAD;
	out->named = transport == 1 && family != 3;
	if (out->named)
		take_ends(p + V2_HEAD, family == 2, out);
	return PROXY_OK;
}

enum proxy_outcome
proxy_parse(struct slice in, struct proxy_header *out)
{
	static const struct slice v1 = { "PROXY ", 6 };
	static const struct slice v2 = { v2_signature, sizeof v2_signature };

	*out = (struct proxy_header){ 0 };
	if (slice_starts(in, v2))
		return parse_v2(in, out);
	if (slice_starts(in, v1))
		return parse_v1(in, out);
	return slice_starts(v1, in) || slice_starts(v2, in) ? PROXY_MORE : PROXY_BAD;
}

/* ---- writing ---- */

static size_t
write_v1(const struct proxy_end *source, const struct proxy_end *destination, char *out)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	bool v4;

	if (!source)
		return (size_t)snprintf(out, PROXY_WRITE_MAX, "PROXY UNKNOWN\r\n");
	v4 = ip_is_v4(source->ip) && ip_is_v4(destination->ip);
	inet_ntop(v4 ? AF_INET : AF_INET6, source->ip + (v4 ? 12 : 0), from, sizeof from);
	inet_ntop(v4 ? AF_INET : AF_INET6, destination->ip + (v4 ? 12 : 0), to, sizeof to);
	return (size_t)snprintf(out, PROXY_WRITE_MAX, "PROXY %s %s %s %u %u\r\n",
				v4 ? "TCP4" : "TCP6", from, to, source->port, destination->port);
}

static size_t
write_v2(const struct proxy_end *source, const struct proxy_end *destination, char *out)
{
	bool v4 = source && ip_is_v4(source->ip) && ip_is_v4(destination->ip);
	size_t size = v4 ? 4 : 16, n = source ? 2 * size + 4 : 0;
	uint16_t ports[2];

	memcpy(out, v2_signature, sizeof v2_signature);
	out[12] = source ? 0x21 : 0x20;
	out[13] = !source ? 0 : v4 ? 0x11 : 0x21;
	out[14] = 0;
	out[15] = (char)n;
	if (!source)
		return V2_HEAD;
	memcpy(out + V2_HEAD, source->ip + 16 - size, size);
	memcpy(out + V2_HEAD + size, destination->ip + 16 - size, size);
	ports[0] = htons(source->port);
	ports[1] = htons(destination->port);
	memcpy(out + V2_HEAD + 2 * size, ports, sizeof ports);
	return V2_HEAD + n;
}

size_t
proxy_write(enum proxy_version version, const struct proxy_end *source,
	    const struct proxy_end *destination, char *out)
{
	switch (version) {
	case PROXY_OFF:
		break;
	case PROXY_V1:
		return write_v1(source, destination, out);
	case PROXY_V2:
		return write_v2(source, destination, out);
	}
	return 0;
}
