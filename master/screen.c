#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static bool has_keys; /* standard input is the terminal, and `before` is how it was */
static volatile sig_atomic_t ended, resized, stopped;

/* ---- the terminal ---- */

bool
screen_can_draw(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

void
screen_size(size_t *rows, size_t *width)
{
	struct winsize size;
	bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;

	*rows = known && size.ws_row > 0 ? size.ws_row : 24;
	*width = known && size.ws_col > 0 ? size.ws_col : 80;
}

static void
on_signal(int number)
{
	if (number == SIGWINCH)
		resized = 1;
	else if (number == SIGTSTP)
		stopped = 1;
	else
		ended = 1;
}

static void
enter(void)
{
	struct termios own;

	has_keys = tcgetattr(STDIN_FILENO, &before) == 0;
	own = before;
	own.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	own.c_cc[VMIN] = 0;
	own.c_cc[VTIME] = 0;
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &own);
	fputs("\033[?1049h\033[?25l\033[2J", stdout); /* the other screen, without a cursor */
	fflush(stdout);
}

static void
leave(void)
{
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

void
screen_open(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP };
	struct sigaction action = { .sa_handler = on_signal };

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		sigaction(numbers[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	enter();
}

void
screen_close(void)
{
	leave();
}

/* ^Z: the terminal is the shell's meanwhile. */
static void
stop(void)
{
	stopped = 0;
	leave();
	raise(SIGSTOP);
	enter();
}

/* ---- what is drawn ---- */

/* One line as far as it fits, with its colours, of which none is left on. */
static void
add_line(struct slice line, size_t width, struct buf *out)
{
	size_t shown = 0;
	bool coloured = false;

	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];

		if (c == 033) {
			size_t end = i;

			while (end < line.n && line.p[end] != 'm')
				end++;
			buf_add(out, line.p + i, end - i + (end < line.n));
			coloured = true;
			i = end;
			continue;
		}
		shown += (c & 0xc0) != 0x80;
		if (shown > width)
			break;
		buf_addc(out, (char)c);
	}
	if (coloured)
		buf_adds(out, SLICE("\033[0m"));
	buf_adds(out, SLICE("\033[K"));
}

void
screen_draw(struct slice lines)
{
	struct buf BUF_CLEAN out = { 0 };
	size_t rows, width;

	screen_size(&rows, &width);
	buf_adds(&out, SLICE("\033[H"));
	for (size_t i = 0; i < rows && lines.n > 0; i++) {
		struct slice line = slice_cut(lines, '\n', &lines);

		if (i > 0)
			buf_adds(&out, SLICE("\r\n"));
		add_line(line, width, &out);
	}
	buf_adds(&out, SLICE("\033[J"));
	fwrite(out.p, 1, out.n, stdout);
	if (fflush(stdout) != 0)
		ended = 1;
}

/* ---- keys ---- */

/* "\033[A" and its like; what is none of those that are known is no key. */
static int
key_of(const char *p, ssize_t n)
{
	static const struct {
		const char *text;
		enum screen_key key;
	} keys[] = {
		{ "\033[A", SCREEN_UP },       { "\033OA", SCREEN_UP },
		{ "\033[B", SCREEN_DOWN },     { "\033OB", SCREEN_DOWN },
		{ "\033[5~", SCREEN_PAGE_UP }, { "\033[6~", SCREEN_PAGE_DOWN },
		{ "\033[H", SCREEN_HOME },     { "\033OH", SCREEN_HOME },
	};

	if (p[0] != 033)
		return (unsigned char)p[0];
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (slice_eq(slice_make(p, (size_t)n), slice_of(keys[i].text)))
			return keys[i].key;
	}
	return SCREEN_NONE;
}

static int
read_key(void)
{
	char bytes[16];
	ssize_t n = read(STDIN_FILENO, bytes, 1);

	if (n <= 0)
		return n < 0 && errno == EINTR ? SCREEN_NONE : SCREEN_END;
	if (bytes[0] == 033) {
		ssize_t more = read(STDIN_FILENO, bytes + 1, sizeof bytes - 1);

		n += more > 0 ? more : 0;
	}
	return key_of(bytes, n);
}

int
screen_wait(int ms)
{
	struct pollfd in = { .fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN };
	int ready = ended || resized || stopped ? -1 : poll(&in, 1, ms);

	if (ended)
		return SCREEN_END;
	if (stopped) {
		stop();
		return SCREEN_SIZE;
	}
	if (resized) {
		resized = 0;
		return SCREEN_SIZE;
	}
	return ready > 0 ? read_key() : SCREEN_NONE;
}
