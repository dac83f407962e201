#pragma once

/*
 * openapi: the table of api.c as an OpenAPI 3.1 document, for whoever makes a client of it.
 */

struct buf;

void openapi_write(struct buf *out);
