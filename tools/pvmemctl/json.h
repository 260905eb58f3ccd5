/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writes JSON, one value a line, as other programs like to read it.
 */
#ifndef PVMEMCTL_JSON_H
#define PVMEMCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* All zero but for @out is the state before a value. */
struct json {
	FILE *out;
	bool comma;	/* something is before what comes next */
};

/* @key is NULL in arrays, and for the outermost value. */
void json_object(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array(struct json *json, const char *key);
void json_array_end(struct json *json);
void json_text(struct json *json, const char *key, const char *text);
void json_number(struct json *json, const char *key, uint64_t value);
void json_seconds(struct json *json, const char *key, int64_t ns);
/* After the outermost value. */
void json_line_end(struct json *json);

#endif
