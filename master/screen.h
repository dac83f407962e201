#pragma once

/*
 * screen: a terminal that a command draws on, anew and anew, and takes keys from. It is given back
 * as it was, whatever ends the command but a kill. One at a time.
 */

#include "lib/buf.h"

#include <stdbool.h>

enum screen_key {
	SCREEN_NONE = 0,  /* and else: a character */
	SCREEN_END = 256, /* ^C, a signal, or the terminal is gone */
	SCREEN_SIZE,      /* the terminal has another size, or is ours again */
	SCREEN_UP,
	SCREEN_DOWN,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_HOME,
};

/* Whether standard output is one that can be drawn on: not where TERM is dumb. */
bool screen_can_draw(void);
void screen_open(void);
void screen_close(void);
/* 24 and 80 where nobody knows. */
void screen_size(size_t *rows, size_t *width);
/* Lines with colours; what is too long or too much is left out. */
void screen_draw(struct slice lines);
/* The next key, or SCREEN_NONE after so long. */
int screen_wait(int ms);
