/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin: puts stars in the place of a word that the host's settings name. */
#include <mote_guest.h>
#include <string.h>

static char word[64], text[4096];

static int filter(const struct mote_value *args, struct mote_value *result)
{
	struct mote_value name = mote_string("WORD"), value = {.type = MOTE_STRING};
	if (!word[0]) {
		if (mote_call_host("setting", &name, 1, &value) < 0)
			return mote_fail(mote_host_error());
		if (value.of.string.len == 0 || value.of.string.len >= sizeof(word))
			return mote_fail("FILTER_WORD must have 1 to 63 bytes");
		strcpy(word, value.of.string.text);
	}
	if (args[0].of.string.len >= sizeof(text))
		return mote_fail("the line is too long");
	strcpy(text, args[0].of.string.text);
	for (char *at = text; (at = strstr(at, word)); at += strlen(word))
		memset(at, '*', strlen(word));
	*result = mote_string(text);
	return 0;
}
MOTE_EXPORT(filter, "s:s")
