#include "listen.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool
listen_parse(char *text, struct sockaddr_in *address)
{
	char *end, *colon = strrchr(text, ':');
	unsigned long port;

	if (!colon)
		return false;
	*colon = '\0';
	port = strtoul(colon + 1, &end, 10);
	address->sin_family = AF_INET;
	address->sin_port = htons((uint16_t)port);
	return colon[1] && !*end && port <= 65535 &&
	       inet_pton(AF_INET, text, &address->sin_addr) == 1;
}

int
listen_on(struct sockaddr_in *address, bool shared)
{
	socklen_t n = sizeof *address;
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, shared ? SO_REUSEPORT : SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)address, n) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &n) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}
