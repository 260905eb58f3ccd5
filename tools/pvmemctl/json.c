// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>

#include "json.h"

/* Bytes that are no UTF-8 cannot be in JSON; names here are ASCII. */
static void quoted(struct json *json, const char *text)
{
	fputc('"', json->out);
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			fprintf(json->out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(json->out, "\\u%04x", c);
		else
			fputc(c, json->out);
	}
	fputc('"', json->out);
}

static void begin(struct json *json, const char *key)
{
	if (json->comma)
		fputs(", ", json->out);
	json->comma = true;
	if (key) {
		quoted(json, key);
		fputs(": ", json->out);
	}
}

static void open_bracket(struct json *json, const char *key, char bracket)
{
	begin(json, key);
	fputc(bracket, json->out);
	json->comma = false;
}

static void close_bracket(struct json *json, char bracket)
{
	fputc(bracket, json->out);
	json->comma = true;
}

void json_object(struct json *json, const char *key)
{
	open_bracket(json, key, '{');
}

void json_object_end(struct json *json)
{
	close_bracket(json, '}');
}

void json_array(struct json *json, const char *key)
{
	open_bracket(json, key, '[');
}

void json_array_end(struct json *json)
{
	close_bracket(json, ']');
}

void json_text(struct json *json, const char *key, const char *text)
{
	begin(json, key);
	quoted(json, text);
}

void json_number(struct json *json, const char *key, uint64_t value)
{
	begin(json, key);
	fprintf(json->out, "%" PRIu64, value);
}

void json_seconds(struct json *json, const char *key, int64_t ns)
{
	begin(json, key);
	/* Not by printf's %f: the point may be a comma elsewhere. */
	fprintf(json->out, "%" PRId64 ".%06" PRId64, ns / 1000000000,
		ns % 1000000000 / 1000);
}

void json_line_end(struct json *json)
{
	fputc('\n', json->out);
	fflush(json->out);
	json->comma = false;
}
